// Parts of a policy as a document writes them, in one canonical form each: what libs/config writes
// documents with, and what differences are told in.
//
// The form is that of YAML in one line, and what it gives is read back as the same value.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/policy/policy.h"

namespace quotaplane {

// A text: plain where every YAML reader takes it for text, in double quotes otherwise. Requires
// UTF-8 without control characters (CheckValue).
void AppendText(std::string_view text, std::string* out);
std::string TextOf(std::string_view text);

// "[claude-opus-4, "gpt-*"]"; one glob without brackets. Not empty.
std::string TextOf(const std::vector<Glob>& globs);
// "{team: search, model: ["gpt-*", o3]}"; "{}".
std::string TextOf(const std::vector<Condition>& when);
// "[team, labels.agent]"; "[]".
std::string TextOf(const std::vector<Dimension>& per);
// "500", "0.25": USD as an exact decimal, other units as whole numbers.
void AppendAmount(int64_t amount, const Unit& unit, std::string* out);
std::string AmountText(int64_t amount, const Unit& unit);
// "month", "90m", "lifetime": in the largest unit that divides it, without time zone and start.
std::string WindowText(const WindowSpec& window);
// "deny", "{downgrade: MODEL}".
std::string OnExceedText(const Limit& limit);
std::string_view OnOutageText(OnOutage on_outage);
std::string_view HoldText(HoldMode hold);
// "deny", "{price_as: MODEL}".
std::string UnpricedModelsText(const PolicyDocument& document);
// "{entries: 400d, days: 3650d}"; "{}".
std::string TextOf(const RetentionAges& ages);
// "80%", "12.5%".
std::string ShareText(int permille);
// "[50%, 80%]"; "[]".
std::string SharesText(const std::vector<int>& permille);
// "90m", "2d", "0s": in the largest unit that divides it. Whole seconds.
std::string DurationText(int64_t us);
// "[oncall, "1"]"; one name without brackets. Not empty.
std::string TextOf(const std::vector<std::string>& names);
// "[cost, tokens]", "cost". Not empty.
std::string TextOf(const std::vector<UsageSignal>& signals);
// "{throttle: 20%, for: 2h}", "{freeze: true, for: 1d}".
std::string TextOf(const AlertAction& action);
// "{user=alice}", "{team=search, labels.agent=ci}": how messages and paths name an override.
std::string MatchName(const std::vector<std::pair<Dimension, std::string>>& match);

// Keys and values in their order, without those that are at their defaults; `overrides` are left
// out. Where there is a calendar window its time zone is always named, and where the limit refuses
// `on_outage`.
using Fields = std::vector<std::pair<std::string_view, std::string>>;
Fields FieldsOf(const Limit& limit);
Fields FieldsOf(const ModelRule& rule);
Fields FieldsOf(const CostCenterRule& rule);
Fields FieldsOf(const TierRule& rule);
Fields FieldsOf(const AlertRule& rule);
// "{id: user-month, per: [user], …}".
std::string TextOf(const Fields& fields);

}  // namespace quotaplane
