#include "tools/quotactl/alert_rules_render.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/absl_view.h"
#include "libs/policy/alert_match.h"
#include "libs/policy/policy_text.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Cell;
using terminal::Table;
using terminal::Tone;
using Json = nlohmann::ordered_json;

// Of which something is told: "limits user-*, at 80%".
std::string OfWhat(const AlertRule& rule) {
  static constexpr std::array<std::string_view, 7> kKeys = {"when",    "limits", "at",   "margin",
                                                            "signals", "per",    "floor"};
  std::string words;
  for (const auto& [key, value] : FieldsOf(rule)) {
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) continue;
    absl::StrAppend(&words, words.empty() ? "" : ", ", AbslView(key), " ", value);
  }
  return words.empty() ? "all" : words;
}

std::string ActionWords(const AlertRule& rule) {
  if (!rule.action.has_value()) return "-";
  const std::string what =
      rule.action->kind == AlertAction::Kind::kFreeze
          ? "freeze"
          : absl::StrCat("throttle to ", ShareText(rule.action->share_permille));
  return absl::StrCat(what, " for ", DurationText(rule.action->for_us));
}

Json AsJson(const std::vector<Glob>& globs) {
  auto json = Json::array();
  for (const Glob& glob : globs) json.push_back(glob.pattern());
  return json;
}

Json AsJson(const AlertAction& action) {
  Json json;
  if (action.kind == AlertAction::Kind::kFreeze) {
    json["freeze"] = true;
  } else {
    json["throttle"] = ShareText(action.share_permille);
  }
  json["for"] = DurationText(action.for_us);
  return json;
}

Json AsJson(const AlertRule& rule) {
  Json json{{"id", rule.id}, {"on", AlertOnName(rule.on)}};
  for (const Condition& condition : rule.when) {
    json["when"][condition.dimension.ToString()] = AsJson(condition.any_of);
  }
  if (!rule.limits.empty()) json["limits"] = AsJson(rule.limits);
  if (rule.at_permille != 0) json["at"] = ShareText(rule.at_permille);
  if (rule.on == AlertOn::kForecast) json["margin"] = DurationText(rule.margin_us);
  for (const UsageSignal signal : rule.signals) json["signals"].push_back(UsageSignalName(signal));
  for (const Dimension& dimension : rule.per) json["per"].push_back(dimension.ToString());
  if (rule.on == AlertOn::kAnomaly || rule.on == AlertOn::kRunaway) {
    json["floor"] = AmountText(rule.floor_nano_usd, Unit());
  }
  json["severity"] = AlertSeverityName(rule.severity);
  json["receivers"] = rule.receivers;
  json["hold_off"] = DurationText(rule.hold_off_us);
  if (rule.action.has_value()) json["action"] = AsJson(*rule.action);
  return json;
}

}  // namespace

std::string AlertRulesAsText(const PolicyDocument& document, const terminal::Style& style) {
  const std::vector<AlertRule>& rules = AlertRulesOf(document);
  if (rules.empty()) return "\nNo alert rules: nobody is told of anything.\n";
  Table table(
      {{"ALERT RULE"}, {"ON"}, {"OF"}, {"SEVERITY"}, {"RECEIVERS"}, {"HOLD-OFF"}, {"ACTION"}});
  for (const AlertRule& rule : rules) {
    table.AddRow({Cell(rule.id, Tone::kBold), std::string(AlertOnName(rule.on)), OfWhat(rule),
                  std::string(AlertSeverityName(rule.severity)),
                  rule.receivers.empty() ? "by routes" : absl::StrJoin(rule.receivers, ", "),
                  DurationText(rule.hold_off_us), ActionWords(rule)});
  }
  return absl::StrCat("\n", table.Render(style),
                      document.alerts.has_value()
                          ? ""
                          : "These are the default alert rules; the policy has no `alerts`.\n");
}

nlohmann::ordered_json AlertRulesAsJson(const PolicyDocument& document) {
  auto rules = Json::array();
  for (const AlertRule& rule : AlertRulesOf(document)) rules.push_back(AsJson(rule));
  return rules;
}

}  // namespace quotaplane::quotactl
