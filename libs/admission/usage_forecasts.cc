#include "libs/admission/usage_forecasts.h"

#include <utility>

namespace quotaplane {

bool HasForecast(const Limit& limit) {
  return limit.unit.kind != UnitKind::kConcurrency && limit.window.kind != WindowKind::kSliding;
}

void AddForecasts(const ForecastTable* table, const std::string& org, const Demand& demand,
                  int64_t now_us, SteadyTime deadline, std::vector<LimitUsage> usage,
                  Done<std::vector<LimitUsage>> done) {
  std::vector<Digest> counters;
  std::vector<size_t> positions;  // in `usage`
  for (size_t i = 0; i < demand.limits.size(); ++i) {
    if (!HasForecast(demand.limits[i].limit())) continue;
    counters.push_back(demand.limits[i].applied.counter);
    positions.push_back(i);
  }
  if (table == nullptr || counters.empty() || counters.size() > kMaxCountersPerCall) {
    return done(std::move(usage));
  }
  table->Read(
      org, counters, deadline,
      [now_us, usage = std::move(usage), positions = std::move(positions),
       done = std::move(done)](absl::StatusOr<std::vector<std::optional<Pace>>> paces) mutable {
        for (size_t i = 0; paces.ok() && i < paces->size(); ++i) {
          if (!(*paces)[i].has_value()) continue;
          LimitUsage& one = usage[positions[i]];
          one.forecast = ForecastOf({one.amount, one.used, one.resets_at_us}, *(*paces)[i], now_us);
        }
        done(std::move(usage));
      });
}

}  // namespace quotaplane
