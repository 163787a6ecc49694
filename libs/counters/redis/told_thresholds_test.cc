#include "libs/counters/redis/told_thresholds.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>

namespace quotaplane {
namespace {

CounterUse Use(const std::string& name, std::vector<int64_t> thresholds) {
  CounterUse use;
  use.counter = HashOf(name);
  use.thresholds = std::move(thresholds);
  return use;
}

TEST(ToldThresholdsTest, KnowsWhatItWasTold) {
  ToldThresholds told;
  const std::vector<CounterUse> uses = {Use("a", {5, 8, 10}), Use("b", {5}), Use("c", {})};
  EXPECT_TRUE(told.Known(uses, 0).empty());
  told.Add(HashOf("a"), 8, 50, 100);
  EXPECT_EQ(told.Known(uses, 99), (std::vector<uint32_t>{0b010, 0, 0}));
  told.Add(HashOf("b"), 5, 50, 100);
  told.Add(HashOf("a"), 10, 50, 100);
  EXPECT_EQ(told.Known(uses, 99), (std::vector<uint32_t>{0b110, 1, 0}));
}

TEST(ToldThresholdsTest, ItHoldsUntilThePeriodEnds) {
  ToldThresholds told;
  told.Add(HashOf("a"), 5, 50, 100);
  EXPECT_TRUE(told.Known(std::vector{Use("a", {5})}, 100).empty());
  // What was told in the period before is not told in this one.
  told.Add(HashOf("a"), 8, 150, 200);
  EXPECT_EQ(told.Known(std::vector{Use("a", {5, 8})}, 100), (std::vector<uint32_t>{0b10}));
}

TEST(ToldThresholdsTest, ForARefusalASlidingWindowIsKnownForItsLength) {
  constexpr int64_t kMinuteUs = 60'000'000;
  const WindowSpec minute = *ParseWindow("60s", absl::UTCTimeZone(), 1);
  ToldThresholds told;
  std::vector<CounterUse> uses = {Use("a", {5})};
  uses[0].window = &minute;
  told.Add(HashOf("a"), 5, kMinuteUs, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(told.Known(uses, 2 * kMinuteUs - 1, true), (std::vector<uint32_t>{1}));
  EXPECT_EQ(told.Known(uses, 2 * kMinuteUs, true), (std::vector<uint32_t>{0}));
  EXPECT_EQ(told.Known(uses, 2 * kMinuteUs), (std::vector<uint32_t>{1}));
}

TEST(ToldThresholdsTest, AnotherAmountMakesOtherThresholds) {
  ToldThresholds told;
  for (int64_t value = 1; value <= 40; ++value) told.Add(HashOf("a"), value, 50, 100);
  EXPECT_EQ(told.Known(std::vector{Use("a", {8, 9, 40})}, 0), (std::vector<uint32_t>{0b110}))
      << "the last 32 are remembered";
}

TEST(ToldThresholdsTest, ForgetsThoseNotUsedForLong) {
  ToldThresholds told(100);
  const std::vector<CounterUse> kept = {Use("kept", {5})};
  told.Add(HashOf("kept"), 5, 50, 100);
  told.Add(HashOf("unused"), 5, 50, 100);
  for (int i = 0; i < 1'000; ++i) {
    told.Add(HashOf("other" + std::to_string(i)), 5, 50, 100);
    ASSERT_EQ(told.Known(kept, 0), (std::vector<uint32_t>{1})) << i;
  }
  EXPECT_TRUE(told.Known(std::vector{Use("unused", {5})}, 0).empty());
  EXPECT_EQ(told.Known(std::vector{Use("other999", {5})}, 0), (std::vector<uint32_t>{1}));
}

}  // namespace
}  // namespace quotaplane
