#include "services/alerts/alert_metrics.h"

#include <string>
#include <utility>

#include "services/alerts/forecast_metrics.h"

namespace quotaplane {
namespace {

using metrics::Family;
using metrics::Sample;

Family Gauge(std::string name, std::string help, std::vector<Sample> samples) {
  return {std::move(name), Family::Type::kGauge, std::move(help), std::move(samples)};
}
Family Gauge(std::string name, std::string help, double value) {
  return Gauge(std::move(name), std::move(help), std::vector<Sample>{{value}});
}
Family Counter(std::string name, std::string help, int64_t value) {
  return {std::move(name), Family::Type::kCounter, std::move(help), {{static_cast<double>(value)}}};
}

void AddOpen(const AlertStatus& status, std::vector<Family>* all) {
  std::vector<Sample> open;
  for (const auto& [what, count] : status.open) {
    open.push_back({static_cast<double>(count),
                    {{"state", std::string(AlertStateName(what.first))},
                     {"kind", std::string(AlertKindName(what.second))}}});
  }
  all->push_back(Gauge("quotaplane_alerts_open", "Alerts that are not resolved, by state and kind.",
                       std::move(open)));
}

void AddDeliveries(const AlertStatus& status, std::vector<Family>* all) {
  std::vector<Sample> waiting, dead, oldest;
  for (const auto& [receiver, depth] : status.deliveries) {
    waiting.push_back({static_cast<double>(depth.waiting), {{"receiver", receiver}}});
    dead.push_back({static_cast<double>(depth.dead), {{"receiver", receiver}}});
    if (depth.oldest_at_us != 0) {
      oldest.push_back({static_cast<double>(depth.oldest_at_us) * 1e-6, {{"receiver", receiver}}});
    }
  }
  all->push_back(Gauge("quotaplane_alert_messages_waiting", "Messages that wait to be delivered.",
                       std::move(waiting)));
  all->push_back(
      Gauge("quotaplane_alert_messages_dead", "Messages that were given up.", std::move(dead)));
  all->push_back(Gauge("quotaplane_alert_messages_oldest_timestamp_seconds",
                       "When the oldest message that waits was made.", std::move(oldest)));
  all->push_back(Counter("quotaplane_alert_messages_sent_total",
                         "Messages delivered by this process.", status.dispatch.sent));
  all->push_back(Counter("quotaplane_alert_attempts_failed_total",
                         "Attempts to deliver that are made again.", status.dispatch.failed));
}

}  // namespace

std::vector<Family> AlertMetrics(const AlertStatus& status) {
  std::vector<Family> all;
  all.push_back(Gauge("quotaplane_alerts_up",
                      "1 where the alerts' database is there, and the last round went through.",
                      status.available ? 1 : 0));
  all.push_back(Gauge("quotaplane_alerts_leading",
                      "1 where this process watches usage and forecasts: of all, one.",
                      status.leading ? 1 : 0));
  AddOpen(status, &all);
  AddDeliveries(status, &all);
  all.push_back(Counter("quotaplane_alert_crossings_total",
                        "Crossings of thresholds that this process took in.",
                        status.crossings.taken));
  if (!status.leading) return all;
  for (Family& family : ForecastMetrics(status.forecasts)) all.push_back(std::move(family));
  all.push_back(Gauge("quotaplane_anomaly_scopes", "Scopes whose usage is watched.",
                      static_cast<double>(status.usage.scopes)));
  all.push_back(Gauge("quotaplane_anomaly_open_findings", "Anomalies that go on.",
                      static_cast<double>(status.usage.open_findings)));
  all.push_back(Counter("quotaplane_anomaly_evicted_scopes_total",
                        "Scopes that made room for others.", status.usage.evicted_scopes));
  all.push_back(Gauge("quotaplane_anomaly_behind_seconds",
                      "How far the watch is behind the ledger, of the org that is furthest.",
                      static_cast<double>(status.usage.behind_us) * 1e-6));
  all.push_back(Gauge("quotaplane_anomaly_failed_orgs",
                      "Orgs whose usage could not be watched in the last round.",
                      static_cast<double>(status.usage.failed_orgs)));
  return all;
}

}  // namespace quotaplane
