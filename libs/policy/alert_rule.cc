#include "libs/policy/alert_rule.h"

#include <array>
#include <utility>

namespace quotaplane {
namespace {

AlertRule Make(std::string id, AlertOn on, AlertSeverity severity) {
  AlertRule rule;
  rule.id = std::move(id);
  rule.on = on;
  rule.severity = severity;
  rule.source = "the default alert rules";
  return rule;
}

std::vector<AlertRule> MakeDefaults() {
  std::vector<AlertRule> rules;
  AlertRule exhausted = Make("limit-exhausted", AlertOn::kThreshold, AlertSeverity::kCritical);
  exhausted.at_permille = 1'000;
  rules.push_back(std::move(exhausted));
  rules.push_back(Make("limit-threshold", AlertOn::kThreshold, AlertSeverity::kWarning));
  rules.push_back(Make("budget-forecast", AlertOn::kForecast, AlertSeverity::kWarning));
  AlertRule anomaly = Make("cost-anomaly", AlertOn::kAnomaly, AlertSeverity::kWarning);
  anomaly.signals = {UsageSignal::kCost};
  rules.push_back(std::move(anomaly));
  rules.push_back(Make("runaway-session", AlertOn::kRunaway, AlertSeverity::kCritical));
  return rules;
}

}  // namespace

std::string_view AlertOnName(AlertOn on) {
  static constexpr std::array<std::string_view, 4> kNames = {"threshold", "forecast", "anomaly",
                                                             "runaway"};
  return kNames[static_cast<size_t>(on)];
}

std::string_view AlertSeverityName(AlertSeverity severity) {
  static constexpr std::array<std::string_view, 3> kNames = {"info", "warning", "critical"};
  return kNames[static_cast<size_t>(severity)];
}

std::string_view UsageSignalName(UsageSignal signal) {
  static constexpr std::array<std::string_view, 4> kNames = {"cost", "tokens", "requests",
                                                             "refusals"};
  return kNames[static_cast<size_t>(signal)];
}

const std::vector<AlertRule>& DefaultAlertRules() {
  static const auto* const kRules = new std::vector<AlertRule>(MakeDefaults());
  return *kRules;
}

}  // namespace quotaplane
