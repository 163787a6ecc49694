// Compares what the store answered with what the oracle says.
#pragma once

#include <gtest/gtest.h>

#include "libs/counters/counter_store.h"

namespace quotaplane {

inline void ExpectCounters(const std::vector<CounterState>& want,
                           const std::vector<CounterState>& got, int step) {
  ASSERT_EQ(want.size(), got.size()) << "step " << step;
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(want[i].held, got[i].held) << "step " << step << " counter " << i;
    EXPECT_EQ(want[i].committed, got[i].committed) << "step " << step << " counter " << i;
    EXPECT_EQ(want[i].resets_at_us, got[i].resets_at_us) << "step " << step << " counter " << i;
    EXPECT_EQ(want[i].fits_at_us, got[i].fits_at_us) << "step " << step << " counter " << i;
  }
}

inline void Expect(const ReserveResult& want, const absl::StatusOr<ReserveResult>& got, int step) {
  ASSERT_TRUE(got.ok()) << "step " << step << ": " << got.status();
  ASSERT_EQ(want.outcome, got->outcome) << "step " << step;
  EXPECT_EQ(want.state, got->state) << "step " << step;
  EXPECT_EQ(want.replayed, got->replayed) << "step " << step;
  EXPECT_EQ(want.now_us, got->now_us) << "step " << step;
  EXPECT_EQ(want.expires_at_us, got->expires_at_us) << "step " << step;
  EXPECT_EQ(want.cost_nano_usd, got->cost_nano_usd) << "step " << step;
  ExpectCounters(want.counters, got->counters, step);
}

inline void Expect(const ExtendResult& want, const absl::StatusOr<ExtendResult>& got, int step) {
  ASSERT_TRUE(got.ok()) << "step " << step << ": " << got.status();
  ASSERT_EQ(want.outcome, got->outcome) << "step " << step;
  EXPECT_EQ(want.state, got->state) << "step " << step;
  EXPECT_EQ(want.replayed, got->replayed) << "step " << step;
  EXPECT_EQ(want.expires_at_us, got->expires_at_us) << "step " << step;
  ExpectCounters(want.counters, got->counters, step);
}

inline void Expect(const CommitResult& want, const absl::StatusOr<CommitResult>& got, int step) {
  ASSERT_TRUE(got.ok()) << "step " << step << ": " << got.status();
  ASSERT_EQ(want.outcome, got->outcome) << "step " << step;
  EXPECT_EQ(want.replayed, got->replayed) << "step " << step;
  EXPECT_EQ(want.late, got->late) << "step " << step;
  EXPECT_EQ(want.unreserved, got->unreserved) << "step " << step;
  EXPECT_EQ(want.cost_nano_usd, got->cost_nano_usd) << "step " << step;
  EXPECT_EQ(want.held_nano_usd, got->held_nano_usd) << "step " << step;
  EXPECT_EQ(want.overrun_nano_usd, got->overrun_nano_usd) << "step " << step;
  EXPECT_EQ(want.overrun_tokens, got->overrun_tokens) << "step " << step;
}

inline void Expect(const ReleaseResult& want, const absl::StatusOr<ReleaseResult>& got, int step) {
  ASSERT_TRUE(got.ok()) << "step " << step << ": " << got.status();
  EXPECT_EQ(want.state, got->state) << "step " << step;
  EXPECT_EQ(want.replayed, got->replayed) << "step " << step;
}

inline void Expect(const ReadResult& want, const absl::StatusOr<ReadResult>& got, int step) {
  ASSERT_TRUE(got.ok()) << "step " << step << ": " << got.status();
  EXPECT_EQ(want.now_us, got->now_us) << "step " << step;
  ExpectCounters(want.counters, got->counters, step);
}

}  // namespace quotaplane
