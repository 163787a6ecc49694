#include "libs/window/window.h"

#include <gtest/gtest.h>

namespace quotaplane {
namespace {

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

WindowSpec Calendar(const char* text, const char* zone, int starts_on = 1) {
  const absl::StatusOr<WindowSpec> window = ParseWindow(text, Zone(zone), starts_on);
  EXPECT_TRUE(window.ok()) << window.status();
  return *window;
}

// "2026-03-29T00:00:00 Europe/Berlin" and back.
int64_t At(const char* civil, const char* zone) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%dT%H:%M:%S", civil, Zone(zone), &time, &error)) << error;
  return absl::ToUnixMicros(time);
}

std::string Format(int64_t us, const char* zone) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%S", absl::FromUnixMicros(us), Zone(zone));
}

// The period at `civil`, as "start/end" in its own zone.
std::string PeriodOf(const char* text, const char* zone, const char* civil, int starts_on = 1) {
  const Period period = PeriodAt(Calendar(text, zone, starts_on), At(civil, zone));
  return Format(period.start_us, zone) + "/" + Format(period.end_us, zone);
}

double HoursOf(const char* text, const char* zone, const char* civil) {
  const Period period = PeriodAt(Calendar(text, zone), At(civil, zone));
  return static_cast<double>(period.end_us - period.start_us) / 3.6e9;
}

TEST(WindowTest, MonthEndsAreTheZonesOwn) {
  EXPECT_EQ(PeriodOf("month", "Europe/Berlin", "2026-01-31T23:59:59"),
            "2026-01-01T00:00:00/2026-02-01T00:00:00");
  EXPECT_EQ(PeriodOf("month", "Europe/Berlin", "2026-02-01T00:00:00"),
            "2026-02-01T00:00:00/2026-03-01T00:00:00");
  // The same instant is January in New York, February in Tokyo.
  const int64_t instant = At("2026-01-31T20:00:00", "UTC");
  EXPECT_EQ(
      Format(PeriodAt(Calendar("month", "America/New_York"), instant).start_us, "America/New_York"),
      "2026-01-01T00:00:00");
  EXPECT_EQ(Format(PeriodAt(Calendar("month", "Asia/Tokyo"), instant).start_us, "Asia/Tokyo"),
            "2026-02-01T00:00:00");
}

TEST(WindowTest, LeapDayBelongsToFebruary) {
  EXPECT_EQ(PeriodOf("day", "UTC", "2028-02-29T12:00:00"),
            "2028-02-29T00:00:00/2028-03-01T00:00:00");
  EXPECT_EQ(PeriodOf("month", "UTC", "2028-02-29T23:59:59"),
            "2028-02-01T00:00:00/2028-03-01T00:00:00");
  EXPECT_EQ(HoursOf("month", "UTC", "2028-02-10T00:00:00"), 29 * 24);
  EXPECT_EQ(HoursOf("month", "UTC", "2026-02-10T00:00:00"), 28 * 24);
  EXPECT_EQ(HoursOf("year", "UTC", "2028-06-01T00:00:00"), 366 * 24);
}

TEST(WindowTest, DaysOfClockChangesHave23And25Hours) {
  EXPECT_EQ(HoursOf("day", "Europe/Berlin", "2026-03-29T12:00:00"), 23);
  EXPECT_EQ(HoursOf("day", "Europe/Berlin", "2026-10-25T12:00:00"), 25);
  EXPECT_EQ(HoursOf("day", "America/New_York", "2026-03-08T12:00:00"), 23);
  EXPECT_EQ(HoursOf("day", "America/New_York", "2026-11-01T12:00:00"), 25);
  EXPECT_EQ(HoursOf("day", "Australia/Lord_Howe", "2026-04-05T12:00:00"), 24.5);
  EXPECT_EQ(HoursOf("month", "Europe/Berlin", "2026-03-10T00:00:00"), 31 * 24 - 1);
}

// Where the clock jumps over midnight, the day begins with its first instant; where midnight comes
// twice, with the first.
TEST(WindowTest, MidnightsThatAreSkippedOrComeTwice) {
  const Period skipped =
      PeriodAt(Calendar("day", "Africa/Cairo"), At("2026-04-24T12:00:00", "Africa/Cairo"));
  EXPECT_EQ(Format(skipped.start_us, "Africa/Cairo"), "2026-04-24T01:00:00");
  EXPECT_EQ(Format(skipped.start_us - 1'000'000, "Africa/Cairo"), "2026-04-23T23:59:59");
  // Long past: governments change their minds about the years to come.
  EXPECT_EQ(HoursOf("day", "America/Havana", "2023-11-05T12:00:00"), 25);
}

TEST(WindowTest, DaysThatTheZoneLeftOutAreEmpty) {
  // Samoa had no 30 December 2011.
  EXPECT_EQ(PeriodOf("day", "Pacific/Apia", "2011-12-29T12:00:00"),
            "2011-12-29T00:00:00/2011-12-31T00:00:00");
}

TEST(WindowTest, WeeksQuartersAndYears) {
  EXPECT_EQ(PeriodOf("week", "UTC", "2026-11-20T12:00:00"),
            "2026-11-16T00:00:00/2026-11-23T00:00:00");
  EXPECT_EQ(PeriodOf("week", "UTC", "2026-11-16T00:00:00"),
            "2026-11-16T00:00:00/2026-11-23T00:00:00");
  EXPECT_EQ(PeriodOf("week", "UTC", "2026-11-20T12:00:00", 7),
            "2026-11-15T00:00:00/2026-11-22T00:00:00");
  EXPECT_EQ(PeriodOf("quarter", "UTC", "2026-11-20T12:00:00"),
            "2026-10-01T00:00:00/2027-01-01T00:00:00");
  EXPECT_EQ(PeriodOf("year", "UTC", "2026-11-20T12:00:00"),
            "2026-01-01T00:00:00/2027-01-01T00:00:00");
}

TEST(WindowTest, PeriodsMayStartOnAnotherDay) {
  EXPECT_EQ(PeriodOf("month", "UTC", "2026-03-14T23:59:59", 15),
            "2026-02-15T00:00:00/2026-03-15T00:00:00");
  EXPECT_EQ(PeriodOf("month", "UTC", "2026-03-15T00:00:00", 15),
            "2026-03-15T00:00:00/2026-04-15T00:00:00");
  EXPECT_EQ(PeriodOf("month", "UTC", "2026-03-05T00:00:00", 28),
            "2026-02-28T00:00:00/2026-03-28T00:00:00");
  EXPECT_EQ(PeriodOf("year", "UTC", "2026-01-03T00:00:00", 6),
            "2025-01-06T00:00:00/2026-01-06T00:00:00");
}

// Every instant is in exactly one period, and periods follow each other without a gap.
TEST(WindowTest, PeriodsTileTime) {
  for (const char* zone : {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
                           "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia"}) {
    for (const char* unit : {"day", "week", "month", "quarter", "year"}) {
      const WindowSpec window = Calendar(unit, zone);
      int64_t at = At("2026-01-01T00:00:00", "UTC");
      const int64_t end = At("2028-04-01T00:00:00", "UTC");
      while (at < end) {
        const Period period = PeriodAt(window, at);
        ASSERT_LE(period.start_us, at) << unit << " " << zone;
        ASSERT_GT(period.end_us, at) << unit << " " << zone;
        ASSERT_EQ(PeriodAt(window, period.start_us).start_us, period.start_us)
            << unit << " " << zone;
        ASSERT_EQ(PeriodAt(window, period.end_us - 1).end_us, period.end_us) << unit << " " << zone;
        ASSERT_EQ(PeriodAt(window, period.end_us).start_us, period.end_us) << unit << " " << zone;
        at = period.end_us;
      }
    }
  }
}

TEST(WindowTest, SlotsCoverTheWindow) {
  for (const char* text : {"1s", "7s", "60s", "1h", "30d", "366d"}) {
    const absl::StatusOr<WindowSpec> window = ParseWindow(text, absl::UTCTimeZone(), 1);
    ASSERT_TRUE(window.ok()) << text;
    EXPECT_GE(SlotWidthUs(*window) * kSlots, window->length_us) << text;
    EXPECT_LT((SlotWidthUs(*window) - 1) * kSlots, window->length_us) << text;
  }
}

TEST(WindowTest, ParsesAndNamesWindows) {
  const auto name = [](const char* text, int starts_on = 1) {
    const absl::StatusOr<WindowSpec> window = ParseWindow(text, Zone("Europe/Berlin"), starts_on);
    return window.ok() ? window->ToString() : std::string(window.status().message());
  };
  EXPECT_EQ(name("60s"), "60s");
  EXPECT_EQ(name("1m"), "60s");
  EXPECT_EQ(name("60m"), "1h");
  EXPECT_EQ(name("24h"), "1d");
  EXPECT_EQ(name("30d"), "30d");
  EXPECT_EQ(name("lifetime"), "lifetime");
  EXPECT_EQ(name("month"), "month Europe/Berlin");
  EXPECT_EQ(name("week", 7), "week Europe/Berlin from 7");
}

TEST(WindowTest, RefusesWhatIsNoWindow) {
  for (const char* text : {"", "s", "60", "0s", "-1s", "1.5h", "1w", "367d", "9223372036854775807s",
                           "99999999999999999999d", " 60s", "60s ", "Month", "+5s", "1e3s"}) {
    const absl::StatusOr<WindowSpec> window = ParseWindow(text, absl::UTCTimeZone(), 1);
    EXPECT_EQ(window.status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(ParseWindow("month", absl::UTCTimeZone(), 29).ok());
  EXPECT_FALSE(ParseWindow("month", absl::UTCTimeZone(), 0).ok());
  EXPECT_FALSE(ParseWindow("week", absl::UTCTimeZone(), 8).ok());
  EXPECT_FALSE(ParseWindow("day", absl::UTCTimeZone(), 2).ok());
}

}  // namespace
}  // namespace quotaplane
