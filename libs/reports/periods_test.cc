#include "libs/reports/periods.h"

#include <gtest/gtest.h>

#include <string>

namespace quotaplane::reports {
namespace {

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

// In 2026.
int64_t Us(int month, int day, int hour, absl::TimeZone zone) {
  return absl::ToUnixMicros(absl::FromCivil(absl::CivilSecond(2026, month, day, hour), zone));
}

std::vector<Range> MustSplit(const Range& range, Granularity granularity, absl::TimeZone zone) {
  const auto periods = PeriodsOf(range, granularity, zone);
  EXPECT_TRUE(periods.ok()) << periods.status();
  return periods.value_or(std::vector<Range>());
}

std::vector<int64_t> Minutes(const std::vector<Range>& periods) {
  std::vector<int64_t> minutes;
  for (const Range& period : periods) {
    minutes.push_back((period.to_us - period.from_us) / 60'000'000);
  }
  return minutes;
}

TEST(Periods, NoGranularityIsOnePeriod) {
  EXPECT_EQ(MustSplit({1, 7}, Granularity::kNone, absl::UTCTimeZone()),
            (std::vector<Range>{{1, 7}}));
}

TEST(Periods, CoverTheRangeAndCutItsEnds) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  const Range range = {Us(1, 15, 12, berlin) + 1, Us(3, 2, 1, berlin)};
  for (const Granularity granularity :
       {Granularity::kHour, Granularity::kDay, Granularity::kWeek, Granularity::kMonth}) {
    const std::vector<Range> periods = MustSplit(range, granularity, berlin);
    ASSERT_FALSE(periods.empty());
    EXPECT_EQ(periods.front().from_us, range.from_us);
    EXPECT_EQ(periods.back().to_us, range.to_us);
    for (size_t i = 1; i < periods.size(); ++i) {
      EXPECT_EQ(periods[i - 1].to_us, periods[i].from_us);
    }
  }
  const std::vector<Range> months = MustSplit(range, Granularity::kMonth, berlin);
  ASSERT_EQ(months.size(), 3u);
  EXPECT_EQ(months[1].from_us, Us(2, 1, 0, berlin));
  const std::vector<Range> weeks = MustSplit(range, Granularity::kWeek, berlin);
  EXPECT_EQ(weeks[1].from_us, Us(1, 19, 0, berlin));  // a Monday
}

TEST(Periods, DaysAndHoursFollowTheClock) {
  const absl::TimeZone new_york = Zone("America/New_York");
  const Range spring = {Us(3, 7, 0, new_york), Us(3, 10, 0, new_york)};
  EXPECT_EQ(Minutes(MustSplit(spring, Granularity::kDay, new_york)),
            (std::vector<int64_t>{1440, 1380, 1440}));
  EXPECT_EQ(MustSplit(spring, Granularity::kHour, new_york).size(), 71u);
  const Range autumn = {Us(11, 1, 0, new_york), Us(11, 2, 0, new_york)};
  EXPECT_EQ(Minutes(MustSplit(autumn, Granularity::kDay, new_york)), (std::vector<int64_t>{1500}));
  // The repeated hour is two.
  EXPECT_EQ(Minutes(MustSplit(autumn, Granularity::kHour, new_york)), std::vector<int64_t>(25, 60));
}

TEST(Periods, HoursBeginWhereTheZoneHasThem) {
  const absl::TimeZone kolkata = Zone("Asia/Kolkata");
  const int64_t midnight = Us(5, 1, 0, kolkata);
  EXPECT_EQ(midnight % 3'600'000'000, 1'800'000'000);
  EXPECT_EQ(MustSplit({midnight, midnight + 7'200'000'000}, Granularity::kHour, kolkata),
            (std::vector<Range>{{midnight, midnight + 3'600'000'000},
                                {midnight + 3'600'000'000, midnight + 7'200'000'000}}));
}

TEST(Periods, HalfHoursThatAreSkippedAndRepeated) {
  const absl::TimeZone lord_howe = Zone("Australia/Lord_Howe");
  const Range autumn = {Us(4, 5, 0, lord_howe), Us(4, 5, 4, lord_howe)};
  EXPECT_EQ(Minutes(MustSplit(autumn, Granularity::kHour, lord_howe)),
            (std::vector<int64_t>{60, 60, 30, 60, 60}));
  const Range spring = {Us(10, 4, 0, lord_howe), Us(10, 4, 4, lord_howe)};
  EXPECT_EQ(Minutes(MustSplit(spring, Granularity::kHour, lord_howe)),
            (std::vector<int64_t>{60, 60, 30, 60}));
}

TEST(Periods, AreBounded) {
  const int64_t hour = 3'600'000'000;
  const int64_t most = static_cast<int64_t>(kMaxPeriods) * hour;
  EXPECT_EQ(MustSplit({0, most}, Granularity::kHour, absl::UTCTimeZone()).size(), kMaxPeriods);
  const auto more = PeriodsOf({0, most + 1}, Granularity::kHour, absl::UTCTimeZone());
  EXPECT_TRUE(absl::IsInvalidArgument(more.status())) << more.status();
}

}  // namespace
}  // namespace quotaplane::reports
