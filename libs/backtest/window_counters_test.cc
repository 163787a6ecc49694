#include "libs/backtest/window_counters.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace quotaplane {
namespace {

WindowSpec Window(const char* text) { return *ParseWindow(text, absl::UTCTimeZone(), 1); }

TEST(WindowCounters, ASlidingWindowCountsTheSlotUnderWayAndSixtyBefore) {
  const WindowSpec minute = Window("60s");
  WindowCounters counters;
  const uint32_t place = counters.PlaceOf(HashOf("a"), minute);
  counters.Add(place, 0, 1);
  counters.Add(place, 999'999, 2);
  counters.Add(place, 1'000'000, 4);
  EXPECT_EQ(counters.Used(place, 60'999'999), 7);
  EXPECT_EQ(counters.Used(place, 61'000'000), 4);
  EXPECT_EQ(counters.Used(place, 62'000'000), 0);
  EXPECT_EQ(counters.PlaceOf(HashOf("a"), minute), place);
}

TEST(WindowCounters, ACalendarPeriodStartsAnew) {
  const WindowSpec day = Window("day");
  WindowCounters counters;
  const uint32_t a = counters.PlaceOf(HashOf("a"), day);
  const uint32_t b = counters.PlaceOf(HashOf("b"), day);
  const int64_t midnight_us = int64_t{86'400} * 1'000'000;
  counters.Add(a, midnight_us - 1, 1);
  counters.Add(b, midnight_us, 2);
  EXPECT_EQ(counters.Used(a, midnight_us), 0);
  EXPECT_EQ(counters.Used(b, midnight_us), 2);
}

TEST(WindowCounters, SaturateAsTheStoreDoes) {
  const WindowSpec ever = Window("lifetime");
  WindowCounters counters;
  const uint32_t place = counters.PlaceOf(HashOf("a"), ever);
  counters.Add(place, 1, (int64_t{1} << 53) - 2);
  counters.Add(place, 2, 5);
  EXPECT_EQ(counters.Used(place, 3), (int64_t{1} << 53) - 1);
}

TEST(WindowCounters, TidyForgetsWhatIsEmptyAndNothingElse) {
  const WindowSpec minute = Window("60s");
  const WindowSpec ever = Window("lifetime");
  WindowCounters counters;
  bool moved = false;
  bool ever_moved = false;
  std::map<std::string, int64_t> kept;
  for (int i = 0; i < 300'000; ++i) {
    const int64_t now_us = int64_t{i} * 1'000;
    const std::string name = std::to_string(i);
    const bool lasting = i % 100 == 0;
    counters.Add(counters.PlaceOf(HashOf(name), lasting ? ever : minute), now_us, 1 + i);
    if (lasting) kept[name] = 1 + i;
    ASSERT_TRUE(counters.Tidy(now_us, &moved).ok());
    ever_moved |= moved;
  }
  EXPECT_TRUE(ever_moved);
  // 61 s of them count, and those after the last time that it tidied up.
  EXPECT_LT(counters.size(), 240'000u);
  for (const auto& [name, sum] : kept) {
    EXPECT_EQ(counters.Used(counters.PlaceOf(HashOf(name), ever), 300'000'000), sum) << name;
  }
}

TEST(WindowCounters, TooManyAtOnceAreAnError) {
  const WindowSpec ever = Window("lifetime");
  WindowCounters counters;
  bool moved = false;
  absl::Status status;
  size_t made = 0;
  for (; status.ok() && made < 3 * kMaxReplayCounters; ++made) {
    Digest name;
    for (size_t i = 0; i < sizeof(made); ++i) name.bytes[i] = static_cast<char>(made >> 8 * i);
    counters.Add(counters.PlaceOf(name, ever), 1, 1);
    status = counters.Tidy(1, &moved);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_GT(made, kMaxReplayCounters);
}

}  // namespace
}  // namespace quotaplane
