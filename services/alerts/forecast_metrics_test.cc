#include "services/alerts/forecast_metrics.h"

#include <gtest/gtest.h>

#include <map>

namespace quotaplane {
namespace {

TEST(ForecastMetricsTest, NamesLabelsAndUnits) {
  ForecastResult result;
  LimitForecast ends;
  ends.org = "acme";
  ends.limit_id = "team-month";
  ends.scope = "{org=acme, team=search}";
  ends.dimensions = {{"org", "acme"}, {"team", "search"}};
  ends.amount = 1'000;
  ends.used = 500;
  ends.resets_at_us = 1'700'009'000'000'000;
  ends.forecast = {10, 1'700'000'000'000'000, 1'250, 1'699'000'000'000'000};
  LimitForecast lifetime = ends;
  lifetime.resets_at_us = 0;
  lifetime.forecast.used_at_reset.reset();
  LimitForecast lasts = ends;
  lasts.forecast.exhausted_at_us = 0;
  result.urgent = {ends, lifetime, lasts};
  result.counters = 3;
  result.too_short = 4;
  result.left_out = 5;
  result.limits_left_out = 6;
  result.unread = {{"acme", "away"}, {"globex", "late"}};
  std::map<std::string, std::vector<metrics::Sample>> samples;
  for (const metrics::Family& family : ForecastMetrics(result)) {
    EXPECT_EQ(family.type, metrics::Family::Type::kGauge);
    samples[family.name] = family.samples;
  }
  const auto& exhausted = samples.at("quotaplane_budget_forecast_exhausted_timestamp_seconds");
  ASSERT_EQ(exhausted.size(), 2U);
  EXPECT_EQ(exhausted[0].value, 1'700'000'000);
  EXPECT_EQ(exhausted[0].labels, (metrics::Labels{{"org", "acme"},
                                                  {"limit", "team-month"},
                                                  {"scope", "{org=acme, team=search}"},
                                                  {"team", "search"},
                                                  {"project", ""},
                                                  {"model", ""}}));
  const auto& ratio = samples.at("quotaplane_budget_forecast_used_ratio");
  ASSERT_EQ(ratio.size(), 2U);
  EXPECT_EQ(ratio[0].value, 1.25);
  EXPECT_EQ(samples.at("quotaplane_budget_forecast_counters")[0].value, 3);
  EXPECT_EQ(samples.at("quotaplane_budget_forecast_counters_too_new")[0].value, 4);
  EXPECT_EQ(samples.at("quotaplane_budget_forecast_counters_left_out")[0].value, 5);
  EXPECT_EQ(samples.at("quotaplane_budget_forecast_limits_left_out")[0].value, 6);
  EXPECT_EQ(samples.at("quotaplane_budget_forecast_unknown_orgs")[0].value, 2);
}

}  // namespace
}  // namespace quotaplane
