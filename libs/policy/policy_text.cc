#include "libs/policy/policy_text.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/money/decimal.h"

namespace quotaplane {
namespace {

constexpr int kUsdPlaces = 9;

bool IsLetter(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)); }
bool IsPlain(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' ||
         c == '/' || c == '@' || c == '+';
}

// What some version of YAML takes for a boolean or null.
bool IsWord(std::string_view text) {
  static constexpr std::array<std::string_view, 9> kWords = {"null", "true", "false", "yes", "no",
                                                             "on",   "off",  "y",     "n"};
  if (text.size() > 5) return false;
  const std::string lower = absl::AsciiStrToLower(AbslView(text));
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

std::string Days(int days) { return absl::StrCat(days, "d"); }

}  // namespace

// Numbers of whatever kind begin with a digit, a sign or a point; so do dates.
void AppendText(std::string_view text, std::string* out) {
  if (!text.empty() && IsLetter(text[0]) && std::all_of(text.begin(), text.end(), IsPlain) &&
      !IsWord(text)) {
    out->append(text);
    return;
  }
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
  out->push_back('"');
}

std::string TextOf(std::string_view text) {
  std::string out;
  AppendText(text, &out);
  return out;
}

std::string TextOf(const std::vector<Glob>& globs) {
  if (globs.size() == 1) return TextOf(globs[0].pattern());
  std::string out = "[";
  for (const Glob& glob : globs) {
    if (out.size() > 1) out += ", ";
    AppendText(glob.pattern(), &out);
  }
  return out + "]";
}

std::string TextOf(const std::vector<Condition>& when) {
  std::string out = "{";
  for (const Condition& condition : when) {
    absl::StrAppend(&out, out.size() > 1 ? ", " : "", condition.dimension.ToString(), ": ",
                    TextOf(condition.any_of));
  }
  return out + "}";
}

std::string TextOf(const std::vector<Dimension>& per) {
  std::string out = "[";
  for (const Dimension& dimension : per) {
    absl::StrAppend(&out, out.size() > 1 ? ", " : "", dimension.ToString());
  }
  return out + "]";
}

void AppendAmount(int64_t amount, const Unit& unit, std::string* out) {
  if (unit.kind == UnitKind::kUsd) {
    out->append(FormatDecimal(amount, kUsdPlaces, 0));
  } else {
    absl::StrAppend(out, amount);
  }
}

std::string AmountText(int64_t amount, const Unit& unit) {
  std::string out;
  AppendAmount(amount, unit, &out);
  return out;
}

std::string WindowText(const WindowSpec& window) {
  switch (window.kind) {
    case WindowKind::kLifetime:
      return "lifetime";
    case WindowKind::kCalendar: {
      const std::string text = window.ToString();  // "month Europe/Berlin from 15"
      return text.substr(0, text.find(' '));
    }
    case WindowKind::kSliding:
      break;
  }
  return DurationText(window.length_us);
}

std::string OnExceedText(const Limit& limit) {
  switch (limit.on_exceed) {
    case OnExceed::kDeny:
      return "deny";
    case OnExceed::kSoft:
      return "soft";
    case OnExceed::kShadow:
      return "shadow";
    case OnExceed::kDowngrade:
      break;
  }
  return absl::StrCat("{downgrade: ", TextOf(limit.downgrade_model), "}");
}

std::string_view OnOutageText(OnOutage on_outage) {
  return on_outage == OnOutage::kAllow ? "allow" : "deny";
}

std::string_view HoldText(HoldMode hold) { return hold == HoldMode::kNone ? "none" : "estimate"; }

std::string UnpricedModelsText(const PolicyDocument& document) {
  switch (document.unpriced_models) {
    case UnpricedModels::kDeny:
      return "deny";
    case UnpricedModels::kFlag:
      return "flag";
    case UnpricedModels::kPriceAs:
      break;
  }
  return absl::StrCat("{price_as: ", TextOf(document.price_as), "}");
}

std::string TextOf(const RetentionAges& ages) {
  Fields fields;
  if (ages.entries_days != 0) fields.emplace_back("entries", Days(ages.entries_days));
  if (ages.hours_days != 0) fields.emplace_back("hours", Days(ages.hours_days));
  if (ages.days_days != 0) fields.emplace_back("days", Days(ages.days_days));
  if (ages.below_floor) fields.emplace_back("below_floor", "true");
  return TextOf(fields);
}

std::string MatchName(const std::vector<std::pair<Dimension, std::string>>& match) {
  std::string name = "{";
  for (const auto& [dimension, value] : match) {
    absl::StrAppend(&name, name.size() > 1 ? ", " : "", dimension.ToString(), "=", value);
  }
  return name + "}";
}

Fields FieldsOf(const Limit& limit) {
  Fields fields = {{"id", TextOf(limit.id)}};
  if (!limit.tier.empty()) fields.emplace_back("tier", TextOf(limit.tier));
  fields.emplace_back("per", TextOf(limit.per));
  if (!limit.when.empty()) fields.emplace_back("when", TextOf(limit.when));
  fields.emplace_back("unit", TextOf(limit.unit.ToString()));
  fields.emplace_back("amount", AmountText(limit.amount, limit.unit));
  if (limit.unit.kind != UnitKind::kConcurrency) {
    fields.emplace_back("window", WindowText(limit.window));
  }
  if (limit.window.kind == WindowKind::kCalendar) {
    fields.emplace_back("time_zone", TextOf(limit.window.zone.name()));
    if (limit.window.starts_on != 1) {
      fields.emplace_back("starts_on", absl::StrCat(limit.window.starts_on));
    }
  }
  if (limit.on_exceed != OnExceed::kDeny) fields.emplace_back("on_exceed", OnExceedText(limit));
  if (limit.on_exceed == OnExceed::kDeny || limit.on_exceed == OnExceed::kDowngrade) {
    fields.emplace_back("on_outage", OnOutageText(limit.on_outage));
  }
  if (limit.hold != HoldMode::kEstimate) fields.emplace_back("hold", HoldText(limit.hold));
  if (AlertAt(limit) != DefaultAlertAt(limit)) {
    fields.emplace_back("alert_at", SharesText(AlertAt(limit)));
  }
  return fields;
}

Fields FieldsOf(const ModelRule& rule) {
  Fields fields = {{"id", TextOf(rule.id)}};
  if (!rule.tier.empty()) fields.emplace_back("tier", TextOf(rule.tier));
  if (!rule.when.empty()) fields.emplace_back("when", TextOf(rule.when));
  if (!rule.allow.empty()) fields.emplace_back("allow", TextOf(rule.allow));
  if (!rule.deny.empty()) fields.emplace_back("deny", TextOf(rule.deny));
  return fields;
}

Fields FieldsOf(const CostCenterRule& rule) {
  Fields fields;
  if (rule.from.has_value()) {
    fields.emplace_back("from", rule.from->ToString());
  } else {
    fields.emplace_back("cost_center", TextOf(rule.cost_center));
  }
  if (!rule.when.empty()) fields.emplace_back("when", TextOf(rule.when));
  return fields;
}

Fields FieldsOf(const TierRule& rule) {
  Fields fields = {{"tier", TextOf(rule.tier)}};
  if (!rule.when.empty()) fields.emplace_back("when", TextOf(rule.when));
  return fields;
}

std::string TextOf(const Fields& fields) {
  std::string out = "{";
  for (const auto& [key, value] : fields) {
    absl::StrAppend(&out, out.size() > 1 ? ", " : "", AbslView(key), ": ", value);
  }
  return out + "}";
}

}  // namespace quotaplane
