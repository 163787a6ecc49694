#include "tests/bench/ledger/traffic.h"

#include <gtest/gtest.h>

namespace quotaplane::bench {
namespace {

TEST(Traffic, FillsTheMonthInOrder) {
  constexpr int64_t kCharges = 20'000;
  const Traffic traffic(kCharges);
  int64_t before_us = kMonthStartUs;
  for (int64_t i = 0; i < kCharges; ++i) {
    const int64_t at_us = traffic.At(i).outcome.now_us;
    ASSERT_GE(at_us, before_us);
    ASSERT_LT(at_us, kMonthEndUs);
    before_us = at_us;
  }
  EXPECT_LT(traffic.At(0).outcome.now_us, kMonthStartUs + int64_t{3'600} * 1'000'000);
  EXPECT_GT(before_us, kMonthEndUs - int64_t{3'600} * 1'000'000);
  EXPECT_GE(traffic.At(kCharges).outcome.now_us, kMonthEndUs);
}

TEST(Traffic, IsTheSameEachTime) {
  EXPECT_EQ(Traffic(100).At(42).record, Traffic(100).At(42).record);
  EXPECT_NE(Traffic(100).At(42).record.id, Traffic(100).At(43).record.id);
}

// main.cc counts on two entries of the reported org for each charge.
TEST(Traffic, HasTheSharesThatItPromises) {
  constexpr int kCharges = 50'000;
  const Traffic traffic(kCharges);
  int64_t entries = 0;
  int64_t reported = 0;
  for (int i = 0; i < kCharges; ++i) {
    const ChargeRecord record = traffic.At(i).record;
    const auto lines = static_cast<int64_t>(record.lines.size());
    entries += lines;
    if (record.subject.org == kReportedOrg) reported += lines;
    int64_t cost = 0;
    for (const ChargeLine& line : record.lines) cost += line.cost_nano_usd;
    ASSERT_EQ(cost, record.cost_nano_usd);
  }
  EXPECT_NEAR(static_cast<double>(entries) / kCharges, 2.5, 0.03);
  EXPECT_NEAR(static_cast<double>(reported) / kCharges, 2.0, 0.03);
}

}  // namespace
}  // namespace quotaplane::bench
