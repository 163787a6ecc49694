#include "libs/config/alert_rule_reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/config/policy_limit_reader.h"
#include "libs/config/policy_values.h"
#include "libs/policy/alert_rule_check.h"
#include "libs/policy/policy_check.h"

namespace quotaplane {
namespace {

// What `parse` makes of a scalar's text; of anything else it is given "", which it refuses.
template <typename Parse>
auto ReadScalar(const YamlNode& node, Parse parse) {
  auto value = parse(node.kind() == YamlKind::kScalar ? node.text() : std::string_view());
  if (!value.ok()) node.Report(absl::StrCat(value.status().message()));
  return value.value_or(0);
}

int ReadShare(const YamlNode& node, int max) {
  return ReadScalar(node, [&](std::string_view text) { return ParseShare(text, 1, max); });
}

int64_t ReadDuration(const YamlNode& node, int64_t min_us, int64_t max_us) {
  return ReadScalar(node,
                    [&](std::string_view text) { return ParseDuration(text, min_us, max_us); });
}

// Calls `read` with the node, or with each item where it is a list, which is not empty.
template <typename Read>
void ReadOneOrMore(const YamlNode& node, Read read) {
  if (node.kind() == YamlKind::kScalar) return read(node);
  if (!node.ExpectList()) return;
  if (node.size() == 0) node.Report("is an empty list; name at least one, or leave the key out");
  for (const YamlNode item : node) read(item);
}

std::vector<UsageSignal> ReadSignals(const YamlNode& node) {
  std::vector<UsageSignal> signals;
  ReadOneOrMore(node, [&](const YamlNode& item) {
    const std::optional<size_t> choice = item.OneOf({"cost", "tokens", "requests", "refusals"});
    if (!choice.has_value()) return;
    const UsageSignal signal = static_cast<UsageSignal>(*choice);
    if (std::find(signals.begin(), signals.end(), signal) != signals.end()) {
      item.Report(absl::StrCat(QuoteForMessage(item.text()), " is listed twice"));
    }
    signals.push_back(signal);
  });
  return signals;
}

std::vector<std::string> ReadReceivers(const YamlNode& node) {
  std::vector<std::string> names;
  ReadOneOrMore(node, [&](const YamlNode& item) {
    if (const auto name = item.String(); name.has_value()) names.emplace_back(*name);
  });
  return names;
}

AlertAction ReadAction(const YamlNode& node) {
  AlertAction action;
  if (!node.ExpectMap()) return action;
  node.ExpectKeys({"throttle", "freeze", "for"});
  const std::optional<YamlNode> throttle = node.Find("throttle");
  const std::optional<YamlNode> freeze = node.Find("freeze");
  if (throttle.has_value() == freeze.has_value()) {
    node.Report(throttle.has_value()
                    ? "has both `throttle` and `freeze`; keep one"
                    : "has neither `throttle` nor `freeze`; write {throttle: 20%, for: 2h} or "
                      "{freeze: true, for: 2h}, say");
  }
  if (throttle.has_value()) action.share_permille = ReadShare(*throttle, 999);
  if (freeze.has_value()) {
    freeze->OneOf({"true"});
    action.kind = AlertAction::Kind::kFreeze;
  }
  const auto lasts = node.Require("for", "an action always ends: write 2h, say");
  if (lasts.has_value()) action.for_us = ReadDuration(*lasts, kMinAlertActionUs, kMaxAlertActionUs);
  return action;
}

// What only some rules have.
void ReadPartial(const YamlNode& node, AlertRule* rule) {
  const auto find = [&](std::string_view key) -> std::optional<YamlNode> {
    const std::optional<YamlNode> entry = node.Find(key);
    const std::string reason = NotOfRule(key, rule->on);
    if (!entry.has_value() || reason.empty()) return entry;
    entry->Report(reason);
    return std::nullopt;
  };
  if (const auto limits = find("limits")) rule->limits = ReadGlobs(*limits);
  if (const auto at = find("at")) rule->at_permille = ReadShare(*at, kMaxAlertAt);
  if (const auto margin = find("margin")) {
    rule->margin_us = ReadDuration(*margin, 0, kMaxForecastMarginUs);
  }
  if (const auto signals = find("signals")) rule->signals = ReadSignals(*signals);
  if (const auto per = find("per")) {
    rule->per = ReadPer(*per);
    if (per->kind() == YamlKind::kList && per->size() == 0) {
      per->Report("is an empty list; name at least one, or leave the key out");
    }
  }
  if (const auto floor = find("floor")) {
    rule->floor_nano_usd =
        ReadScalar(*floor, [](std::string_view text) { return ParseAmount(text, Unit()); });
  }
}

void ReadCommon(const YamlNode& node, AlertRule* rule) {
  if (const auto when = node.Find("when")) rule->when = ReadWhen(*when);
  if (const auto severity = node.Find("severity")) {
    const std::optional<size_t> choice = severity->OneOf({"info", "warning", "critical"});
    rule->severity = static_cast<AlertSeverity>(choice.value_or(0));
  }
  if (const auto receivers = node.Find("receivers")) rule->receivers = ReadReceivers(*receivers);
  if (const auto hold_off = node.Find("hold_off")) {
    rule->hold_off_us = ReadDuration(*hold_off, 0, kMaxAlertHoldOffUs);
  }
  if (const auto action = node.Find("action")) rule->action = ReadAction(*action);
}

// An id that nobody takes for a position.
bool IsName(const YamlNode& id) {
  return id.kind() == YamlKind::kScalar && IsPolicyId(id.text()) &&
         id.text().find_first_not_of("0123456789") != std::string_view::npos;
}

}  // namespace

AlertRule ReadAlertRule(const YamlNode& node) {
  AlertRule rule;
  rule.source = node.source();
  if (!node.ExpectMap()) return rule;
  // First of all, so that every problem can name the rule.
  if (const auto id = node.Find("id"); id.has_value() && IsName(*id)) {
    node.NameItem(id->text());
    rule.source = node.source();
  }
  rule.id = ReadId(node);
  node.ExpectKeys({"id", "on", "when", "limits", "at", "margin", "signals", "per", "floor",
                   "severity", "receivers", "hold_off", "action"});
  ReadCommon(node, &rule);
  const auto on = node.Require("on", "write threshold, forecast, anomaly or runaway");
  const std::optional<size_t> choice =
      on.has_value() ? on->OneOf({"threshold", "forecast", "anomaly", "runaway"}) : std::nullopt;
  if (!choice.has_value()) return rule;
  rule.on = static_cast<AlertOn>(*choice);
  ReadPartial(node, &rule);
  return rule;
}

}  // namespace quotaplane
