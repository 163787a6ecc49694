// From budgets that end before their period does to the alerts that their policies want of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/alerts/signal.h"
#include "libs/ledger/forecast_round.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// One alert for each limit, scope and period; told again when the day changes on which the budget
// ends. Absent: no rule wants to know. Of one that ends; `now_us` by the store's clock.
std::optional<Signal> ForecastSignal(const LimitForecast& forecast, const Policy& policy,
                                     int64_t now_us);

// Which alert that is, whatever the rules say.
std::string ForecastKey(const LimitForecast& forecast);

// What such an alert's key says.
struct ForecastKeyParts {
  std::string counter;  // hexadecimal digits
  int64_t resets_at_us = 0;
  std::string limit_id;
};
std::optional<ForecastKeyParts> ParseForecastKey(std::string_view key);

// Ends `alert`, an alert about a forecast, and says why.
Signal ForecastEnd(const Signal& alert, std::string_view because, int64_t now_us);

}  // namespace quotaplane
