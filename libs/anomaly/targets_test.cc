// What the detectors are to reach, on eighty companies whose seeds no constant was chosen by (those
// were 21 to 180).
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "libs/anomaly/scorecard.h"

namespace quotaplane::anomaly {
namespace {

Scorecard JudgeSeeds(uint64_t first, uint64_t last) {
  Scorecard all;
  for (uint64_t seed = first; seed <= last; ++seed) {
    const auto card = Judge({.company = {.seed = seed}});
    EXPECT_TRUE(card.ok()) << card.status();
    if (card.ok()) all.Add(*card);
  }
  return all;
}

TEST(TargetsTest, HeldOutCompanies) {
  auto half = std::async(std::launch::async, [] { return JudgeSeeds(5001, 5040); });
  Scorecard all = JudgeSeeds(6001, 6040);
  all.Add(half.get());
  RecordProperty("spike_recall", std::to_string(all.Recall(EventKind::kSpike)));
  RecordProperty("shift_recall", std::to_string(all.Recall(EventKind::kShift)));
  RecordProperty("false_per_scope_month", std::to_string(all.FalsePerScopeMonth()));
  EXPECT_GE(all.Recall(EventKind::kSpike), 0.95);
  EXPECT_GE(all.Recall(EventKind::kShift), 0.9);
  EXPECT_LE(all.FalsePerScopeMonth(), 1.0);
}

}  // namespace
}  // namespace quotaplane::anomaly
