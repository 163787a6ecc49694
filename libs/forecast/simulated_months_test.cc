// How good the forecast is, on simulated months: the tables of docs/forecast.md. Each kind of use
// has 200 months, by seed. The rules of pace.h were chosen on seeds 0 to 199; these are others.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "libs/forecast/budget_forecast.h"
#include "libs/forecast/test_months.h"

namespace quotaplane {
namespace {

constexpr uint32_t kFirstSeed = 1'000;
constexpr uint32_t kMonths = 200;
constexpr int kEnd = kBeforeHours + kMonthHours;

Budget BudgetAt(const SimulatedMonth& month, int hour, double amount) {
  Budget budget;
  budget.amount = static_cast<int64_t>(amount);
  budget.used = static_cast<int64_t>(month.Used(kBeforeHours, hour));
  budget.resets_at_us = month.TimeOf(kEnd);
  return budget;
}

BudgetForecast ForecastBy(const std::optional<Pace>& pace, const SimulatedMonth& month, int hour,
                          double amount) {
  if (!pace.has_value()) return {};
  return ForecastOf(BudgetAt(month, hour, amount), *pace, month.TimeOf(hour));
}

// As GetUsage says it.
bool Ends(const SimulatedMonth& month, int hour, double amount) {
  return ForecastBy(PaceOf(month.RecentAt(hour)), month, hour, amount).exhausted_at_us != 0;
}

// As an alert does.
bool SurelyEnds(const SimulatedMonth& month, int hour, double amount) {
  const RecentUse use = month.RecentAt(hour);
  return ForecastBy(SurePaceOf(use), month, hour, amount).exhausted_at_us != 0 &&
         ForecastBy(PaceOf(use), month, hour, amount).exhausted_at_us != 0;
}

using Method = std::function<double(const SimulatedMonth&, int hour)>;

double Ours(const SimulatedMonth& month, int hour) {
  const BudgetForecast forecast = ForecastBy(PaceOf(month.RecentAt(hour)), month, hour, 1e15);
  return static_cast<double>(forecast.used_at_reset.value_or(0));
}

// What others do: the mean of the last so many hours, to the end.
Method MeanOf(int hours) {
  return [hours](const SimulatedMonth& month, int hour) {
    const double rate = month.Used(hour - hours, hour) / hours;
    return month.Used(kBeforeHours, hour) + rate * (kEnd - hour);
  };
}

double MonthSoFar(const SimulatedMonth& month, int hour) {
  const double used = month.Used(kBeforeHours, hour);
  return used / (hour - kBeforeHours) * kMonthHours;
}

// Mean of |forecast - what came| / what came, looked at every seven hours from the third day on;
// of months that change, from a day after the change on.
double ErrorOf(Months kind, const Method& method) {
  double sum = 0;
  int count = 0;
  for (uint32_t seed = kFirstSeed; seed < kFirstSeed + kMonths; ++seed) {
    const SimulatedMonth month = MonthMaker(kind, seed).Make();
    const double total = month.Total();
    const int first = std::max(kBeforeHours + 2 * 24, month.changes_at + 24);
    for (int hour = first; hour < kEnd; hour += 7, ++count) {
      sum += std::abs(method(month, hour) - total) / total;
    }
  }
  return sum / count;
}

// Of months that use their budget up to `share`, those in which some hour says that it ends early;
// where a mistake was made, from a day after it on.
double FalseAlarms(Months kind, double share, decltype(Ends) says) {
  int alarmed = 0;
  for (uint32_t seed = kFirstSeed; seed < kFirstSeed + kMonths; ++seed) {
    const SimulatedMonth month = MonthMaker(kind, seed).Make();
    bool said = false;
    for (int hour = std::max(kBeforeHours, month.changes_at + 32); hour < kEnd && !said; ++hour) {
      said = says(month, hour, month.Total() / share);
    }
    alarmed += said ? 1 : 0;
  }
  return static_cast<double>(alarmed) / kMonths;
}

TEST(SimulatedMonths, TheForecastIsNoWorseThanAnySingleMean) {
  std::printf("| use | forecast | last 7 days | last 24 h | month so far |\n");
  for (const Months kind :
       {Months::kOffice, Months::kAroundTheClock, Months::kPerson, Months::kMondayBatch,
        Months::kOneOff, Months::kShift, Months::kRunaway}) {
    const double ours = ErrorOf(kind, Ours);
    const double week = ErrorOf(kind, MeanOf(7 * 24));
    const double day = ErrorOf(kind, MeanOf(24));
    const double so_far = ErrorOf(kind, MonthSoFar);
    std::printf("| %s | %.1f %% | %.1f %% | %.1f %% | %.1f %% |\n",
                std::string(NameOf(kind)).c_str(), 100 * ours, 100 * week, 100 * day, 100 * so_far);
    EXPECT_LT(ours, 1.1 * week) << NameOf(kind);
    EXPECT_LT(ours, 1.1 * so_far) << NameOf(kind);
    EXPECT_LT(ours, kind == Months::kPerson ? 0.25 : 0.15) << NameOf(kind);
  }
}

TEST(SimulatedMonths, ABudgetThatLastsIsSeldomSaidToEnd) {
  std::printf("| use | GetUsage at 80 %% | alert at 95 %% | 87 %% | 80 %% | 65 %% | 50 %% |\n");
  for (const auto& [kind, most] :
       std::vector<std::pair<Months, double>>{{Months::kOffice, 0.02},
                                              {Months::kAroundTheClock, 0},
                                              {Months::kPerson, 0.5},
                                              {Months::kMondayBatch, 0.01},
                                              {Months::kOneOff, 0.02}}) {
    std::printf("| %s | %.1f %% |", std::string(NameOf(kind)).c_str(),
                100 * FalseAlarms(kind, 0.8, Ends));
    for (const double share : {0.95, 0.87, 0.8, 0.65, 0.5}) {
      const double alerts = FalseAlarms(kind, share, SurelyEnds);
      std::printf(" %.1f %% |", 100 * alerts);
      if (share == 0.8) {
        EXPECT_LE(alerts, most) << NameOf(kind);
      }
    }
    std::printf("\n");
  }
}

// A budget of which 85 % would have been used.
TEST(SimulatedMonths, AChangeIsSeenWithinHoursAndLongBeforeTheEnd) {
  std::printf("| change | seen after: half | 95 of 100 | before the end: half |\n");
  for (const auto& [kind, most_hours] : std::vector<std::pair<Months, int>>{
           {Months::kShift, 96}, {Months::kRunaway, 6}, {Months::kPersonShift, 300}}) {
    std::vector<int> after, before;
    for (uint32_t seed = kFirstSeed; seed < kFirstSeed + kMonths; ++seed) {
      const SimulatedMonth month = MonthMaker(kind, seed).Make();
      const double amount = month.without_change / 0.85;
      if (month.Total() <= amount) continue;
      int ends = kBeforeHours;
      for (double used = 0; used < amount; ++ends) used += month.hours[ends];
      int seen = month.changes_at + 1;
      while (seen < kEnd && !SurelyEnds(month, seen, amount)) ++seen;
      after.push_back(seen - month.changes_at);
      before.push_back(ends - seen);
    }
    ASSERT_GT(after.size(), kMonths / 2);
    std::sort(after.begin(), after.end());
    std::sort(before.begin(), before.end());
    const int nearly_all = after[after.size() * 95 / 100];
    std::printf("| %s | %d h | %d h | %d h |\n", std::string(NameOf(kind)).c_str(),
                after[after.size() / 2], nearly_all, before[before.size() / 2]);
    EXPECT_LE(nearly_all, most_hours) << NameOf(kind);
    EXPECT_GT(before[before.size() / 10], 0) << NameOf(kind);
  }
}

// A week's budget on Friday evening, a day's at noon: what is to come is not the mean.
TEST(SimulatedMonths, AWeekThatEndsWithAWeekendIsNotCalledShort) {
  int alarmed = 0;
  for (uint32_t seed = kFirstSeed; seed < kFirstSeed + kMonths; ++seed) {
    const SimulatedMonth month = MonthMaker(Months::kOffice, seed).Make();
    // The first Monday of the month, whatever day it starts on.
    int monday = kBeforeHours;
    while ((month.TimeOf(monday) / kPaceHourUs / 24 + 3) % 7 != 0) monday += 24;
    const int end = monday + 7 * 24;
    Budget budget;
    budget.amount = static_cast<int64_t>(1.15 * month.Used(monday, end));
    budget.resets_at_us = month.TimeOf(end);
    bool said = false;
    for (int hour = monday + 24; hour < end; ++hour) {
      budget.used = static_cast<int64_t>(month.Used(monday, hour));
      const std::optional<Pace> pace = PaceOf(month.RecentAt(hour));
      said |= ForecastOf(budget, pace.value(), month.TimeOf(hour)).exhausted_at_us != 0;
    }
    alarmed += said ? 1 : 0;
  }
  std::printf("weeks of office hours at 87 %% of the budget: %d of %u called short\n", alarmed,
              kMonths);
  EXPECT_LE(alarmed, 0.15 * kMonths);
}

}  // namespace
}  // namespace quotaplane
