// Where a budget leads at the present pace. Pure: the same for GetUsage, metrics and alerts.
#pragma once

#include <cstdint>
#include <optional>

#include "libs/forecast/pace.h"

namespace quotaplane {

// A limit of a calendar period or a lifetime, for one scope.
struct Budget {
  int64_t amount = 0;
  int64_t used = 0;
  int64_t resets_at_us = 0;  // 0: a lifetime
};

struct BudgetForecast {
  int64_t per_day = 0;  // mean of a week at this pace
  // When the amount is used up, `now_us` where it is already. 0: not before the period ends, or not
  // within ten years.
  int64_t exhausted_at_us = 0;
  // What will be used when the period ends; absent for lifetimes. At most 2^53 - 1.
  std::optional<int64_t> used_at_reset;
  int64_t measured_at_us = 0;  // up to when the pace knows what was used

  friend bool operator==(const BudgetForecast&, const BudgetForecast&) = default;
};

// `now_us` may be before the pace's from_us by some clock's fault: then it counts from there.
BudgetForecast ForecastOf(const Budget& budget, const Pace& pace, int64_t now_us);

}  // namespace quotaplane
