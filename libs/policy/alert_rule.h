// What raises an alert, whom it tells, and what it does: the rules of a policy's `alerts`.
//
// The first rule, in policy order, that fits what happened decides; where none fits, nobody is
// told. A policy without `alerts` has those of DefaultAlertRules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/policy/condition.h"

namespace quotaplane {

enum class AlertOn { kThreshold, kForecast, kAnomaly, kRunaway };
enum class AlertSeverity { kInfo, kWarning, kCritical };
// What of a scope's usage is watched.
enum class UsageSignal { kCost, kTokens, kRequests, kRefusals };

std::string_view AlertOnName(AlertOn on);  // "threshold", "forecast", "anomaly", "runaway"
std::string_view AlertSeverityName(AlertSeverity severity);  // "info", "warning", "critical"
std::string_view UsageSignalName(UsageSignal signal);        // "cost", "tokens", …

// Bounds.
inline constexpr size_t kMaxAlertRules = 1'000;
inline constexpr size_t kMaxAlertReceivers = 10;                            // of one rule
inline constexpr int64_t kMaxAlertHoldOffUs = int64_t{7} * 86'400'000'000;  // and at least 0
inline constexpr int64_t kMaxAlertActionUs = int64_t{31} * 86'400'000'000;  // and at least 1 min
inline constexpr int64_t kMaxForecastMarginUs = int64_t{31} * 86'400'000'000;
inline constexpr int64_t kDefaultAlertHoldOffUs = int64_t{3'600} * 1'000'000;
inline constexpr int64_t kDefaultAlertFloorNanoUsd = 5'000'000'000;

// Done at once when the alert is raised, and ended by itself.
struct AlertAction {
  enum class Kind { kThrottle, kFreeze };
  Kind kind = Kind::kThrottle;
  // kThrottle: to this share of the amount of each limit that counts within the alert's scope, in
  // permille, 1 to 999. 0 for kFreeze, which refuses the scope's requests until somebody
  // acknowledges the alert.
  int share_permille = 0;
  // It ends this long after it began at the latest: 1 minute to kMaxAlertActionUs. Never absent.
  int64_t for_us = 0;

  friend bool operator==(const AlertAction&, const AlertAction&) = default;
};

struct AlertRule {
  std::string id;  // [a-z0-9][a-z0-9._-]{0,62}
  AlertOn on = AlertOn::kThreshold;
  // On the scope's own dimensions: one that the scope lacks fits no condition. Empty: any scope.
  std::vector<Condition> when;
  std::vector<Glob> limits;  // kThreshold, kForecast: of which limits, by id; empty: all
  int at_permille = 0;       // kThreshold: crossings of this share and above; 0: all that are told
  // kForecast: told where the budget ends at least this long before its period does.
  int64_t margin_us = 0;
  std::vector<UsageSignal> signals;  // kAnomaly; empty: all. Ascending, each once
  // kAnomaly: scopes by which of org, team, project, user, model, labels.session; empty: all.
  std::vector<Dimension> per;
  // kAnomaly, kRunaway: what is at stake has to be this much at least; nano-USD, 0 to kMaxAmount.
  int64_t floor_nano_usd = kDefaultAlertFloorNanoUsd;
  AlertSeverity severity = AlertSeverity::kWarning;
  std::vector<std::string> receivers;  // names of the receivers file; empty: by its routes
  int64_t hold_off_us = kDefaultAlertHoldOffUs;
  std::optional<AlertAction> action;
  std::string source;
};

// Those of a policy that says nothing: thresholds, forecasts (margin 0), anomalies of cost and
// runaway sessions, warnings without actions; runaway and a threshold of 100 % are critical.
const std::vector<AlertRule>& DefaultAlertRules();

}  // namespace quotaplane
