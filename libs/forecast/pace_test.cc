#include "libs/forecast/pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace quotaplane {
namespace {

constexpr int64_t kNow = int64_t{1'796'000'400} * 1'000'000;  // a full hour
constexpr int64_t kDayUs = 24 * kPaceHourUs;

// `of(i)` is the use of the hour that ended i hours ago; for so many hours.
RecentUse Use(int hours, const std::function<double(int)>& of) {
  RecentUse use(kNow);
  for (int i = 0; i < hours; ++i) use.Add(kNow - (i + 1) * kPaceHourUs, of(i));
  return use;
}

RecentUse Steady(int hours, double an_hour) {
  return Use(hours, [=](int) { return an_hour; });
}

TEST(PaceTest, NoUseAndFirstHoursAreNotEnough) {
  EXPECT_FALSE(PaceOf(RecentUse(kNow)).has_value());
  EXPECT_FALSE(PaceOf(Steady(1, 5)).has_value());
  EXPECT_FALSE(PaceOf(Steady(23, 5)).has_value());
  EXPECT_TRUE(PaceOf(Steady(25, 5)).has_value());
}

TEST(PaceTest, UseWithinOneDayIsNotEnoughUnlessAWeekIsKnown) {
  EXPECT_FALSE(PaceOf(Use(60, [](int i) { return i >= 50 ? 7.0 : 0.0; })).has_value());
  const std::optional<Pace> pace = PaceOf(Use(8 * 24, [](int i) { return i < 3 ? 70.0 : 0.0; }));
  EXPECT_FALSE(pace.has_value());  // known for three hours
  const auto week = PaceOf(Use(8 * 24, [](int i) { return i == 190 ? 7.0 : 0.0; }));
  ASSERT_TRUE(week.has_value());
  EXPECT_EQ(week->per_week(), 0);
}

TEST(PaceTest, SteadyUseGoesOn) {
  for (const int hours : {48, 75, 8 * 24, 20 * 24}) {
    const std::optional<Pace> pace = PaceOf(Steady(hours, 10));
    ASSERT_TRUE(pace.has_value());
    EXPECT_EQ(pace->from_us, kNow);
    EXPECT_NEAR(pace->per_week(), 1680, 0.01) << hours;
    EXPECT_NEAR(pace->Between(kNow, kNow + kPaceHourUs), 10, 1e-4);
    EXPECT_NEAR(pace->Between(kNow + 90 * kDayUs, kNow + 91 * kDayUs), 240, 1e-3);
  }
}

TEST(PaceTest, TheWeekRepeatsAsItWas) {
  // Six hours of each of the last seven days but two, at different heights.
  const std::optional<Pace> pace =
      PaceOf(Use(14 * 24, [](int i) { return i / 24 % 7 >= 2 && i % 24 < 6 ? 10.0 : 0.0; }));
  ASSERT_TRUE(pace.has_value());
  EXPECT_NEAR(pace->per_week(), 300, 0.01);
  // The days without come last, and at the end of each the hours with.
  EXPECT_NEAR(pace->Between(kNow, kNow + 5 * kDayUs), 300, 0.01);
  EXPECT_NEAR(pace->Between(kNow + 5 * kDayUs, kNow + 7 * kDayUs), 0, 0.01);
  EXPECT_NEAR(pace->Between(kNow, kNow + 18 * kPaceHourUs), 0, 0.01);
  EXPECT_EQ(pace->Reaches(30, kNow), kNow + 21 * kPaceHourUs);
}

TEST(PaceTest, AMistakenDayThatEndedCountsForLittle) {
  const auto of = [](int i) { return i >= 50 && i < 60 ? 250.0 : 10.0; };
  const std::optional<Pace> pace = PaceOf(Use(14 * 24, of));
  ASSERT_TRUE(pace.has_value());
  EXPECT_NEAR(pace->per_week(), 1680 + 240, 1);
  // Not while it may still go on, nor where it was no single day.
  EXPECT_NEAR(
      PaceOf(Use(14 * 24, [](int i) { return i < 60 && i >= 12 ? 100.0 : 10.0; }))->per_week(),
      1680 + 48 * 90, 20);
}

TEST(PaceTest, AShiftIsSeenAfterADayAndStaysSeen) {
  for (const int days : {1, 2, 4, 6, 7}) {
    const auto of = [&](int i) { return i < days * 24 ? 30.0 : 10.0; };
    EXPECT_NEAR(PaceOf(Use(14 * 24, of))->per_week(), 3 * 1680, 5) << days;
  }
}

TEST(PaceTest, ARunawayIsSeenAfterFourHoursAndABurstIsNot) {
  const auto since = [](int hours) {
    return PaceOf(Use(14 * 24, [=](int i) { return i < hours ? 300.0 : 10.0; }))->per_week();
  };
  EXPECT_LT(since(3), 1.7 * 1680);
  EXPECT_NEAR(since(4), 30 * 1680, 1);
  EXPECT_NEAR(since(20), 30 * 1680, 1);
  EXPECT_NEAR(since(30), 30 * 1680, 1);
  const auto burst = PaceOf(Use(14 * 24, [](int i) { return i == 1 ? 300.0 : 10.0; }));
  EXPECT_NEAR(burst->per_week(), 1680 + 290, 1);
}

TEST(SurePaceTest, OfSteadyUseItIsThePace) {
  EXPECT_EQ(SurePaceOf(Steady(14 * 24, 10)), PaceOf(Steady(14 * 24, 10)));
  // Less than a week says nothing that anybody should be woken for; a week without a second one
  // is taken as it is.
  EXPECT_FALSE(SurePaceOf(Steady(119, 10)).has_value());
  EXPECT_TRUE(PaceOf(Steady(119, 10)).has_value());
  EXPECT_EQ(SurePaceOf(Steady(8 * 24, 10)), PaceOf(Steady(8 * 24, 10)));
}

TEST(SurePaceTest, WeeksThatDifferCountForLessThanTheirMean) {
  // One day of each week with use: of the last, 240, of the one before, on another day, 120.
  const RecentUse use = Use(14 * 24, [](int i) {
    const int day = i / 24;
    return day == 3 ? 10.0 : (day == 11 ? 5.0 : 0.0);
  });
  // The doubt is the root of 240² + 120² by 360, 0.745: more than all of it.
  EXPECT_NEAR(SurePaceOf(use)->per_week(), 0, 1e-3);
  EXPECT_NEAR(PaceOf(use)->per_week(), 240, 1e-3);
  // Every day a fifth more than a week before: the doubt is small, and the lower week decides.
  const auto grown = SurePaceOf(Use(14 * 24, [](int i) { return i < 7 * 24 ? 12.0 : 10.0; }));
  const double doubt = std::sqrt(7.0) * 48 / (7 * 528);
  EXPECT_NEAR(grown->per_week(), std::min(1680.0, 1848 * (1 - 1.5 * doubt)), 0.1);
}

TEST(SurePaceTest, ChangesOfSteadyUseAreSeenAsSoon) {
  const auto shift = [](int i) { return i < 24 ? 30.0 : 10.0; };
  EXPECT_NEAR(SurePaceOf(Use(14 * 24, shift))->per_week(), 3 * 1680, 5);
  const auto runaway = [](int i) { return i < 4 ? 300.0 : 10.0; };
  EXPECT_NEAR(SurePaceOf(Use(14 * 24, runaway))->per_week(), 30 * 1680, 1);
  // Of use in bursts, a day or some hours say nothing.
  for (const auto& change : std::vector<std::function<double(int)>>{shift, runaway}) {
    const RecentUse bursts = Use(14 * 24, [&](int i) {
      const int day = i / 24;
      return day == 4 || day == 8 || day == 13 ? 5.0 : (day == 0 ? change(i) : 0.0);
    });
    EXPECT_LT(SurePaceOf(bursts)->per_week(), PaceOf(bursts)->per_week() / 3);
  }
}

TEST(PaceTest, CorrectionsAndHoursOutsideTakeNothingBelowZero) {
  RecentUse use = Steady(14 * 24, 10);
  use.Add(kNow - kPaceHourUs, -1e6);
  use.Add(kNow, 1e6);
  use.Add(kNow - 15 * kDayUs, 1e6);
  EXPECT_EQ(use.hour(0), 0);
  EXPECT_EQ(use.block(0), 0);
  EXPECT_EQ(use.first_us(), kNow - 14 * kDayUs);
  EXPECT_NEAR(PaceOf(use)->per_week(), 1680 - 60, 1);
}

TEST(PaceTest, ReachesIsTheInverseOfBetween) {
  const std::optional<Pace> pace =
      PaceOf(Use(14 * 24, [](int i) { return i % 24 < 9 ? 10.0 + i % 7 : 0.0; }));
  ASSERT_TRUE(pace.has_value());
  for (const int64_t later : {int64_t{0}, 7 * kPaceHourUs, 5 * kDayUs, 40 * kDayUs}) {
    for (const double amount : {1.0, 77.5, 800.0, 12'345.0}) {
      const std::optional<int64_t> at = pace->Reaches(amount, kNow + later);
      ASSERT_TRUE(at.has_value());
      EXPECT_NEAR(pace->Between(kNow + later, *at), amount, 0.01) << later << " " << amount;
    }
  }
  EXPECT_FALSE(pace->Reaches(1e15, kNow).has_value());
  EXPECT_FALSE(Pace{}.Reaches(1, kNow).has_value());
}

}  // namespace
}  // namespace quotaplane
