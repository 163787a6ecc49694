// Forecasts of budgets, as metrics.
#pragma once

#include <vector>

#include "libs/ledger/forecast_round.h"
#include "libs/metrics/family.h"

namespace quotaplane {

// Of the most urgent ones, 200 at most: org, limit and scope are bounded by that.
std::vector<metrics::Family> ForecastMetrics(const ForecastResult& result);

}  // namespace quotaplane
