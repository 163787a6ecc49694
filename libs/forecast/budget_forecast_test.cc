#include "libs/forecast/budget_forecast.h"

#include <gtest/gtest.h>

#include "absl/time/civil_time.h"
#include "libs/window/window.h"

namespace quotaplane {
namespace {

constexpr int64_t kNow = int64_t{1'796'000'400} * 1'000'000;
constexpr int64_t kDayUs = 24 * kPaceHourUs;
constexpr int64_t kMost = (int64_t{1} << 53) - 1;

Pace Steady(double per_day, int64_t from_us = kNow) {
  Pace pace;
  pace.from_us = from_us;
  pace.week.fill(static_cast<float>(per_day / kPaceDayBlocks));
  return pace;
}

TEST(BudgetForecastTest, EndsBeforeThePeriodDoes) {
  const BudgetForecast forecast = ForecastOf({1'000, 400, kNow + 10 * kDayUs}, Steady(100), kNow);
  EXPECT_EQ(forecast.per_day, 100);
  EXPECT_EQ(forecast.exhausted_at_us, kNow + 6 * kDayUs);
  EXPECT_EQ(forecast.used_at_reset, 1'400);
  EXPECT_EQ(forecast.measured_at_us, kNow);
}

TEST(BudgetForecastTest, LastsAndEndsExactlyWithThePeriod) {
  EXPECT_EQ(ForecastOf({2'000, 400, kNow + 10 * kDayUs}, Steady(100), kNow).exhausted_at_us, 0);
  const BudgetForecast exact = ForecastOf({1'400, 400, kNow + 10 * kDayUs}, Steady(100), kNow);
  EXPECT_EQ(exact.exhausted_at_us, 0);
  EXPECT_EQ(exact.used_at_reset, 1'400);
}

TEST(BudgetForecastTest, WithoutUseNothingEnds) {
  const BudgetForecast forecast = ForecastOf({1'000, 10, kNow + kDayUs}, Steady(0), kNow);
  EXPECT_EQ(forecast.per_day, 0);
  EXPECT_EQ(forecast.exhausted_at_us, 0);
  EXPECT_EQ(forecast.used_at_reset, 10);
}

TEST(BudgetForecastTest, WhatIsUsedUpEndsNow) {
  EXPECT_EQ(ForecastOf({0, 0, kNow + kDayUs}, Steady(0), kNow).exhausted_at_us, kNow);
  EXPECT_EQ(ForecastOf({10, 11, kNow + kDayUs}, Steady(0), kNow).exhausted_at_us, kNow);
  // Of a period that has ended, nothing is said.
  const BudgetForecast ended = ForecastOf({10, 11, kNow - kDayUs}, Steady(5), kNow);
  EXPECT_EQ(ended.exhausted_at_us, 0);
  EXPECT_EQ(ended.used_at_reset, 11);
}

TEST(BudgetForecastTest, ALifetimeHasNoResetAndTenYears) {
  const BudgetForecast forecast = ForecastOf({100'000, 0, 0}, Steady(100), kNow);
  EXPECT_EQ(forecast.exhausted_at_us, kNow + 1'000 * kDayUs);
  EXPECT_FALSE(forecast.used_at_reset.has_value());
  EXPECT_EQ(ForecastOf({1'000'000, 0, 0}, Steady(100), kNow).exhausted_at_us, 0);
}

TEST(BudgetForecastTest, SaturatesBelowTwoToThe53) {
  const BudgetForecast forecast =
      ForecastOf({kMost, kMost - 5, kNow + 300 * kDayUs}, Steady(1e15), kNow);
  EXPECT_EQ(forecast.used_at_reset, kMost);
  EXPECT_GE(forecast.exhausted_at_us, kNow);
  EXPECT_LT(forecast.exhausted_at_us, kNow + kPaceHourUs);
  EXPECT_EQ(ForecastOf({kMost, 0, kNow + kDayUs}, Steady(3e38), kNow).per_day, kMost);
  // Used may be more than the amount can be: what is held comes on top.
  EXPECT_EQ(ForecastOf({kMost, 2 * kMost, kNow + kDayUs}, Steady(1), kNow).used_at_reset, kMost);
}

TEST(BudgetForecastTest, AnOlderMeasureCountsFromNow) {
  const BudgetForecast forecast =
      ForecastOf({1'000, 400, kNow + 10 * kDayUs}, Steady(100, kNow - 2 * kDayUs), kNow);
  EXPECT_EQ(forecast.exhausted_at_us, kNow + 6 * kDayUs);
  EXPECT_EQ(forecast.measured_at_us, kNow - 2 * kDayUs);
  // A clock that is behind the measure.
  EXPECT_GE(ForecastOf({1'000, 400, kNow + 10 * kDayUs}, Steady(100, kNow + kDayUs), kNow)
                .exhausted_at_us,
            kNow + 6 * kDayUs);
}

TEST(BudgetForecastTest, FirstHourOfAPeriod) {
  const BudgetForecast forecast = ForecastOf({3'000, 0, kNow + 30 * kDayUs}, Steady(110), kNow);
  EXPECT_NEAR(static_cast<double>(forecast.used_at_reset.value()), 3'300, 1);
  EXPECT_NEAR(static_cast<double>(forecast.exhausted_at_us - kNow) / kDayUs, 3'000.0 / 110, 0.001);
}

// October of Berlin has 31 days and an hour, March an hour less: the period's end is the zone's.
TEST(BudgetForecastTest, MonthsInWhichTheClockChanges) {
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  WindowSpec month;
  month.kind = WindowKind::kCalendar;
  month.zone = berlin;
  for (const auto& [civil, hours] : {std::pair(absl::CivilSecond(2026, 10, 1), 31 * 24 + 1),
                                     std::pair(absl::CivilSecond(2026, 3, 1), 31 * 24 - 1)}) {
    const int64_t start = absl::ToUnixMicros(absl::FromCivil(civil, berlin));
    const Period period = PeriodAt(month, start);
    EXPECT_EQ(period.start_us, start);
    const BudgetForecast forecast =
        ForecastOf({1'000'000, 0, period.end_us}, Steady(2'400, start), start);
    EXPECT_NEAR(static_cast<double>(forecast.used_at_reset.value()), hours * 100, 1);
  }
}

}  // namespace
}  // namespace quotaplane
