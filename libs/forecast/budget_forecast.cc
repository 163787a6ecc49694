#include "libs/forecast/budget_forecast.h"

#include <algorithm>
#include <cmath>

namespace quotaplane {
namespace {

// As counters (libs/policy/policy.h, kMaxAmount).
constexpr int64_t kMost = (int64_t{1} << 53) - 1;

int64_t Whole(double value) {
  return value >= static_cast<double>(kMost) ? kMost : std::llround(std::max(0.0, value));
}

std::optional<int64_t> ExhaustedAt(const Budget& budget, const Pace& pace, int64_t now_us) {
  if (budget.used >= budget.amount) return now_us;
  return pace.Reaches(static_cast<double>(budget.amount - budget.used), now_us);
}

}  // namespace

BudgetForecast ForecastOf(const Budget& budget, const Pace& pace, int64_t now_us) {
  constexpr int kWeekDays = kPaceWeekBlocks / kPaceDayBlocks;
  const bool lasts_for_ever = budget.resets_at_us == 0;
  BudgetForecast forecast;
  forecast.per_day = Whole(pace.per_week() / kWeekDays);
  forecast.measured_at_us = pace.from_us;
  const std::optional<int64_t> at_us = ExhaustedAt(budget, pace, now_us);
  if (at_us.has_value() && (lasts_for_ever || *at_us < budget.resets_at_us)) {
    forecast.exhausted_at_us = std::max(now_us, *at_us);
  }
  if (lasts_for_ever) return forecast;
  const double more = pace.Between(now_us, budget.resets_at_us);
  forecast.used_at_reset = Whole(static_cast<double>(budget.used) + more);
  return forecast;
}

}  // namespace quotaplane
