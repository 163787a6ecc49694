// GetUsage's forecasts: the present pace, from the table, with what is used now.
#pragma once

#include <string>
#include <vector>

#include "libs/admission/admission.h"
#include "libs/admission/demand.h"
#include "libs/counters/forecast_table.h"

namespace quotaplane {

// Whether a limit has a forecast: it sums up, over a time that does not slide along.
bool HasForecast(const Limit& limit);

// Calls `done` once with `usage` (one for each of demand.limits, in their order), with forecasts as
// far as `table` has them; by the deadline, without, where it is away or null. `demand` is used in
// this call only.
void AddForecasts(const ForecastTable* table, const std::string& org, const Demand& demand,
                  int64_t now_us, SteadyTime deadline, std::vector<LimitUsage> usage,
                  Done<std::vector<LimitUsage>> done);

}  // namespace quotaplane
