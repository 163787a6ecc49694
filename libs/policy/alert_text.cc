#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/money/decimal.h"
#include "libs/policy/policy_text.h"

namespace quotaplane {

std::string ShareText(int permille) { return FormatDecimal(permille, 1, 0) + "%"; }

std::string SharesText(const std::vector<int>& permille) {
  std::string out = "[";
  for (const int share : permille) {
    absl::StrAppend(&out, out.size() > 1 ? ", " : "", ShareText(share));
  }
  return out + "]";
}

std::string DurationText(int64_t us) {
  const int64_t s = us / 1'000'000;
  if (s == 0) return "0s";
  if (s % 86'400 == 0) return absl::StrCat(s / 86'400, "d");
  if (s % 3'600 == 0) return absl::StrCat(s / 3'600, "h");
  if (s % 60 == 0) return absl::StrCat(s / 60, "m");
  return absl::StrCat(s, "s");
}

std::string TextOf(const std::vector<std::string>& names) {
  if (names.size() == 1) return TextOf(std::string_view(names[0]));
  std::string out = "[";
  for (const std::string& name : names) {
    if (out.size() > 1) out += ", ";
    AppendText(name, &out);
  }
  return out + "]";
}

std::string TextOf(const std::vector<UsageSignal>& signals) {
  std::vector<std::string> names;
  for (const UsageSignal signal : signals) names.emplace_back(UsageSignalName(signal));
  return TextOf(names);
}

std::string TextOf(const AlertAction& action) {
  const std::string what = action.kind == AlertAction::Kind::kFreeze
                               ? "freeze: true"
                               : absl::StrCat("throttle: ", ShareText(action.share_permille));
  return absl::StrCat("{", what, ", for: ", DurationText(action.for_us), "}");
}

Fields FieldsOf(const AlertRule& rule) {
  Fields fields = {{"id", TextOf(rule.id)}, {"on", std::string(AlertOnName(rule.on))}};
  if (!rule.when.empty()) fields.emplace_back("when", TextOf(rule.when));
  if (!rule.limits.empty()) fields.emplace_back("limits", TextOf(rule.limits));
  if (rule.at_permille != 0) fields.emplace_back("at", ShareText(rule.at_permille));
  if (rule.margin_us != 0) fields.emplace_back("margin", DurationText(rule.margin_us));
  if (!rule.signals.empty()) fields.emplace_back("signals", TextOf(rule.signals));
  if (!rule.per.empty()) fields.emplace_back("per", TextOf(rule.per));
  if (rule.floor_nano_usd != kDefaultAlertFloorNanoUsd) {
    fields.emplace_back("floor", AmountText(rule.floor_nano_usd, Unit()));
  }
  if (rule.severity != AlertSeverity::kWarning) {
    fields.emplace_back("severity", AlertSeverityName(rule.severity));
  }
  if (!rule.receivers.empty()) fields.emplace_back("receivers", TextOf(rule.receivers));
  if (rule.hold_off_us != kDefaultAlertHoldOffUs) {
    fields.emplace_back("hold_off", DurationText(rule.hold_off_us));
  }
  if (rule.action.has_value()) fields.emplace_back("action", TextOf(*rule.action));
  return fields;
}

}  // namespace quotaplane
