#include "libs/alert_sources/rule_signal.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/hash.h"
#include "libs/policy/subject_value.h"

namespace quotaplane {
namespace {

AlertKind KindOf(AlertOn on) {
  switch (on) {
    case AlertOn::kThreshold:
      return AlertKind::kThreshold;
    case AlertOn::kForecast:
      return AlertKind::kForecast;
    case AlertOn::kAnomaly:
      return AlertKind::kAnomaly;
    case AlertOn::kRunaway:
      return AlertKind::kRunaway;
  }
  return AlertKind::kThreshold;
}

Severity SeverityOf(AlertSeverity severity) {
  switch (severity) {
    case AlertSeverity::kInfo:
      return Severity::kInfo;
    case AlertSeverity::kWarning:
      return Severity::kWarning;
    case AlertSeverity::kCritical:
      return Severity::kCritical;
  }
  return Severity::kWarning;
}

}  // namespace

Signal SignalOf(const AlertRule& rule) {
  Signal signal;
  signal.kind = KindOf(rule.on);
  signal.rule_id = rule.id;
  signal.severity = SeverityOf(rule.severity);
  signal.receivers = rule.receivers;
  signal.hold_off_us = rule.hold_off_us;
  if (rule.action.has_value()) {
    const bool freeze = rule.action->kind == AlertAction::Kind::kFreeze;
    signal.action =
        WantedAction{freeze ? WantedAction::Kind::kFreeze : WantedAction::Kind::kThrottle,
                     freeze ? 0 : rule.action->share_permille, rule.action->for_us};
  }
  return signal;
}

Subject SubjectOf(const std::vector<std::pair<std::string, std::string>>& dimensions) {
  Subject subject;
  for (const auto& [name, value] : dimensions) {
    const absl::StatusOr<Dimension> dimension = ParseDimension(name);
    if (dimension.ok() && !value.empty()) SetValue(*dimension, value, &subject);
  }
  std::sort(subject.labels.begin(), subject.labels.end());
  return subject;
}

std::string ScopeWords(const std::vector<std::pair<std::string, std::string>>& dimensions) {
  return absl::StrCat("{", absl::StrJoin(dimensions, ", ", absl::PairFormatter("=")), "}");
}

std::string DigestName(const std::vector<std::string_view>& parts) {
  FieldBuffer fields;
  for (const std::string_view part : parts) fields.Add(part);
  const Digest digest = fields.digest();
  const std::string_view bytes = digest.view();
  return absl::BytesToHexString({bytes.data(), bytes.size()});
}

}  // namespace quotaplane
