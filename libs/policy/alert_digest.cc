#include "libs/policy/alert_digest.h"

#include "libs/policy/when_digest.h"

namespace quotaplane {
namespace {

template <typename Enum>
int64_t Number(Enum value) {
  return static_cast<int64_t>(value);
}

int64_t Count(size_t n) { return static_cast<int64_t>(n); }

void AddRule(const AlertRule& rule, FieldBuffer* buffer) {
  buffer->Add(rule.id).Add(Number(rule.on));
  AddWhen(rule.when, buffer);
  AddGlobs(rule.limits, buffer);
  buffer->Add(int64_t{rule.at_permille}).Add(rule.margin_us);
  buffer->Add(Count(rule.signals.size()));
  for (const UsageSignal signal : rule.signals) buffer->Add(Number(signal));
  buffer->Add(Count(rule.per.size()));
  for (const Dimension& dimension : rule.per) buffer->Add(dimension.ToString());
  buffer->Add(rule.floor_nano_usd).Add(Number(rule.severity));
  buffer->Add(Count(rule.receivers.size()));
  for (const std::string& name : rule.receivers) buffer->Add(name);
  buffer->Add(rule.hold_off_us).Add(int64_t{rule.action.has_value()});
  if (!rule.action.has_value()) return;
  buffer->Add(Number(rule.action->kind)).Add(int64_t{rule.action->share_permille});
  buffer->Add(rule.action->for_us);
}

}  // namespace

Digest AlertRulesDigest(const std::vector<AlertRule>& rules) {
  FieldBuffer buffer;
  for (const AlertRule& rule : rules) AddRule(rule, &buffer);
  return buffer.digest();
}

bool HasDefaultAlertRules(const PolicyDocument& document) {
  static const Digest kDefault = AlertRulesDigest(DefaultAlertRules());
  return !document.alerts.has_value() || AlertRulesDigest(*document.alerts) == kDefault;
}

}  // namespace quotaplane
