#include "services/alerts/forecast_metrics.h"

#include <string>
#include <string_view>
#include <utility>

namespace quotaplane {
namespace {

using metrics::Family;
using metrics::Sample;

Family Gauge(std::string name, std::string help, std::vector<Sample> samples) {
  return {std::move(name), Family::Type::kGauge, std::move(help), std::move(samples)};
}

// Of the scope; empty where it is of none.
std::string ValueOf(std::string_view dimension, const LimitForecast& forecast) {
  for (const auto& [name, value] : forecast.dimensions) {
    if (name == dimension) return value;
  }
  return "";
}

std::vector<Sample> Single(int64_t value) { return {{static_cast<double>(value)}}; }

}  // namespace

std::vector<metrics::Family> ForecastMetrics(const ForecastResult& result) {
  constexpr double kMicro = 1e-6;
  std::vector<Sample> exhausted, ratio;
  for (const LimitForecast& one : result.urgent) {
    const metrics::Labels labels = {{"org", one.org},
                                    {"limit", one.limit_id},
                                    {"scope", one.scope},
                                    {"team", ValueOf("team", one)},
                                    {"project", ValueOf("project", one)},
                                    {"model", ValueOf("model", one)}};
    const int64_t ends_us = one.forecast.exhausted_at_us;
    if (ends_us > 0) exhausted.push_back({static_cast<double>(ends_us) * kMicro, labels});
    if (one.resets_at_us > 0) ratio.push_back({one.used_ratio(), labels});
  }
  return {
      Gauge("quotaplane_budget_forecast_exhausted_timestamp_seconds",
            "When a budget is used up at the present rate, where that is before its period ends; "
            "of the 200 most urgent ones, without those of users.",
            std::move(exhausted)),
      Gauge("quotaplane_budget_forecast_used_ratio",
            "What share of a budget will be used when its period ends, at the present rate; of the "
            "same.",
            std::move(ratio)),
      Gauge("quotaplane_budget_forecast_counters", "Counters with a forecast.",
            Single(result.counters)),
      Gauge("quotaplane_budget_forecast_counters_too_new",
            "Counters in use that have too little history for a forecast.",
            Single(result.too_short)),
      Gauge("quotaplane_budget_forecast_counters_left_out",
            "Counters without a forecast since there are more than the bounds allow.",
            Single(result.left_out)),
      Gauge("quotaplane_budget_forecast_limits_left_out",
            "Limits without forecasts since they count by key or label, which the ledger's sums do "
            "not have.",
            Single(result.limits_left_out)),
      Gauge("quotaplane_budget_forecast_unknown_orgs",
            "Organisations whose ledger or counters could not be read in the last round.",
            Single(static_cast<int64_t>(result.unread.size()))),
  };
}

}  // namespace quotaplane
