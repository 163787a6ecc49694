#include "libs/config/policy_limit_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/did_you_mean.h"
#include "libs/config/policy_values.h"

namespace quotaplane {
namespace {

// A text that meets CheckValue; empty where it does not.
std::string ReadValue(const YamlNode& node) {
  const std::optional<std::string_view> text = node.String();
  if (!text.has_value()) return "";
  const absl::Status status = CheckValue(*text);
  if (status.ok()) return std::string(*text);
  node.Report(absl::StrCat(status.message()));
  return "";
}

std::optional<Dimension> ReadDimension(const YamlNode& node, std::string_view text) {
  absl::StatusOr<Dimension> dimension = ParseDimension(text);
  if (dimension.ok()) return *std::move(dimension);
  static const std::vector<std::string_view> kKnown = {"org",  "team",    "project",
                                                       "user", "api_key", "model"};
  const std::string guess = DidYouMean(text, kKnown);
  node.Report(guess.empty()
                  ? absl::StrCat(QuoteForMessage(text), ": ", dimension.status().message())
                  : absl::StrCat(QuoteForMessage(text), " is not a dimension", guess));
  return std::nullopt;
}

int64_t ReadAmount(const YamlNode& node, const Unit& unit) {
  if (node.kind() != YamlKind::kScalar) {
    // Says what would be right.
    unit.kind == UnitKind::kUsd ? (void)node.Decimal() : (void)node.Int64(0, kMaxAmount);
    return 0;
  }
  const absl::StatusOr<int64_t> amount = ParseAmount(node.text(), unit);
  if (!amount.ok()) node.Report(absl::StrCat(amount.status().message()));
  return amount.value_or(0);
}

WindowSpec ReadWindow(const YamlNode& limit, const Unit& unit, const PolicyDefaults& defaults) {
  const std::optional<YamlNode> window = limit.Find("window");
  const std::optional<YamlNode> time_zone = limit.Find("time_zone");
  const std::optional<YamlNode> starts_on = limit.Find("starts_on");
  WindowSpec spec;
  if (window.has_value()) {
    const std::optional<std::string_view> text = window->String();
    if (!text.has_value()) return spec;
    absl::StatusOr<WindowSpec> parsed = ParseWindow(*text, defaults.time_zone, 1);
    if (!parsed.ok()) {
      window->Report(absl::StrCat(parsed.status().message()));
      return spec;
    }
    spec = *parsed;
  } else if (unit.kind != UnitKind::kConcurrency) {
    limit.Report(
        "`window` is missing; write 60s, 1h, 30d, day, week, month, quarter, year or lifetime");
    return spec;
  }
  if (spec.kind != WindowKind::kCalendar) {
    for (const std::optional<YamlNode>& node : {time_zone, starts_on}) {
      if (node.has_value()) node->Report("is for calendar windows (day to year) only; remove it");
    }
    return spec;
  }
  if (time_zone.has_value()) spec.zone = ReadTimeZone(*time_zone).value_or(spec.zone);
  if (starts_on.has_value()) {
    spec.starts_on = static_cast<int>(starts_on->Int64(1, 28).value_or(1));
    const absl::StatusOr<WindowSpec> checked =
        ParseWindow(window->text(), spec.zone, spec.starts_on);
    if (!checked.ok()) starts_on->Report(absl::StrCat(checked.status().message()));
  }
  return spec;
}

void ReadOutcomes(const YamlNode& node, const PolicyDefaults& defaults, Limit* limit) {
  if (const std::optional<YamlNode> on_exceed = node.Find("on_exceed"); on_exceed.has_value()) {
    std::optional<ChoiceOrModel> read =
        ReadChoiceOrModel(*on_exceed, {"deny", "soft", "shadow"}, "downgrade");
    if (!read.has_value()) return;
    limit->on_exceed = static_cast<OnExceed>(read->choice);
    limit->downgrade_model = std::move(read->model);
  }
  const bool refuses =
      limit->on_exceed == OnExceed::kDeny || limit->on_exceed == OnExceed::kDowngrade;
  const OnOutage fallback =
      refuses ? defaults.on_outage.value_or(OnOutage::kDeny) : OnOutage::kAllow;
  const std::optional<YamlNode> on_outage = node.Find("on_outage");
  limit->on_outage = on_outage.has_value() ? ReadOnOutage(*on_outage).value_or(fallback) : fallback;
  if (refuses && !on_outage.has_value() && !defaults.on_outage.has_value()) {
    node.Report("`on_outage` is missing; write allow or deny here, or once under `defaults`");
  }
  if (!refuses && limit->on_outage == OnOutage::kDeny) {
    on_outage->Report("a soft or shadow limit never refuses; write allow, or leave it out");
  }
}

Override ReadOverride(const YamlNode& node, const Unit& unit) {
  Override entry;
  if (!node.ExpectMap()) return entry;
  bool amount = false;
  for (const YamlNode each : node) {
    if (each.key() == "amount") {
      entry.amount = ReadAmount(each, unit);
      amount = true;
    } else if (std::optional<Dimension> dimension = ReadDimension(each, each.key())) {
      entry.match.emplace_back(*std::move(dimension), ReadValue(each));
    }
  }
  if (!amount) node.Report("`amount` is missing; write the amount for this scope");
  return entry;
}

std::vector<Override> ReadOverrides(const YamlNode& node, const Unit& unit, std::string_view file) {
  std::vector<Override> overrides;
  if (!node.ExpectList()) return overrides;
  overrides.reserve(node.size());
  // As YamlNode::source() would give it, but without finding the way to the root for each.
  const std::string path = node.path();
  for (const YamlNode item : node) {
    Override& entry = overrides.emplace_back(ReadOverride(item, unit));
    entry.source =
        absl::StrCat(AbslView(file), ":", item.line(), ": ", path, "[", overrides.size() - 1, "]");
  }
  return overrides;
}

std::string ReadTierName(const YamlNode& node) {
  const std::optional<YamlNode> tier = node.Find("tier");
  return tier.has_value() ? ReadValue(*tier) : "";
}

}  // namespace

std::string ReadId(const YamlNode& node) {
  const std::optional<YamlNode> id =
      node.Require("id", "give it a name that is unique in the policy");
  return id.has_value() ? std::string(id->String().value_or("")) : "";
}

std::vector<Glob> ReadGlobs(const YamlNode& node) {
  std::vector<Glob> globs;
  if (node.kind() == YamlKind::kScalar) {
    globs.emplace_back(ReadValue(node));
  } else if (node.ExpectList()) {
    if (node.size() == 0) node.Report("is an empty list; name at least one, or leave the key out");
    for (const YamlNode item : node) globs.emplace_back(ReadValue(item));
  }
  return globs;
}

std::vector<Condition> ReadWhen(const YamlNode& node) {
  std::vector<Condition> when;
  if (!node.ExpectMap()) return when;
  for (const YamlNode entry : node) {
    std::optional<Dimension> dimension = ReadDimension(entry, entry.key());
    std::vector<Glob> globs = ReadGlobs(entry);
    if (dimension.has_value()) when.push_back({*std::move(dimension), std::move(globs)});
  }
  return when;
}

std::vector<Dimension> ReadPer(const YamlNode& node) {
  std::vector<Dimension> per;
  if (!node.ExpectList()) return per;
  for (const YamlNode item : node) {
    const std::optional<std::string_view> text = item.String();
    if (!text.has_value()) continue;
    std::optional<Dimension> dimension = ReadDimension(item, *text);
    if (!dimension.has_value()) continue;
    if (std::find(per.begin(), per.end(), *dimension) != per.end()) {
      item.Report(absl::StrCat(QuoteForMessage(*text), " is listed twice"));
    }
    per.push_back(*std::move(dimension));
  }
  if (per.size() > kMaxPerDimensions) {
    node.Report(absl::StrCat("has ", per.size(), " dimensions; at most ", kMaxPerDimensions,
                             " are allowed"));
  }
  return per;
}

std::vector<int> ReadAlertAt(const YamlNode& node) {
  std::vector<int> shares;
  if (!node.ExpectList()) return shares;
  for (const YamlNode item : node) {
    const absl::StatusOr<int> share =
        ParseShare(item.kind() == YamlKind::kScalar ? item.text() : "", 1, kMaxAlertAt);
    if (!share.ok()) item.Report(absl::StrCat(share.status().message()));
    shares.push_back(share.value_or(0));
  }
  return shares;
}

std::optional<absl::TimeZone> ReadTimeZone(const YamlNode& node) {
  const std::optional<std::string_view> name = node.String();
  if (!name.has_value()) return std::nullopt;
  absl::StatusOr<absl::TimeZone> zone = ParseTimeZone(*name);
  if (zone.ok()) return *zone;
  node.Report(absl::StrCat(zone.status().message()));
  return std::nullopt;
}

std::optional<OnOutage> ReadOnOutage(const YamlNode& node) {
  const std::optional<size_t> choice = node.OneOf({"allow", "deny"});
  if (!choice.has_value()) return std::nullopt;
  return *choice == 0 ? OnOutage::kAllow : OnOutage::kDeny;
}

std::optional<ChoiceOrModel> ReadChoiceOrModel(const YamlNode& node,
                                               std::initializer_list<std::string_view> words,
                                               std::string_view word) {
  const std::string form = absl::StrCat("{", AbslView(word), ": MODEL}");
  if (node.kind() == YamlKind::kMap) {
    const bool known = node.ExpectKeys({word});
    const std::optional<YamlNode> model = node.Require(word, absl::StrCat("write ", form));
    if (!known || !model.has_value()) return std::nullopt;
    std::string name = ReadValue(*model);
    if (name.empty()) return std::nullopt;
    return ChoiceOrModel{words.size(), std::move(name)};
  }
  const std::string_view text = node.kind() == YamlKind::kScalar ? node.text() : std::string_view();
  const auto found = std::find(words.begin(), words.end(), text);
  if (found != words.end()) return ChoiceOrModel{static_cast<size_t>(found - words.begin()), ""};
  if (text.substr(0, word.size()) == word &&
      (text.size() == word.size() || text[word.size()] == ':')) {
    const absl::string_view rest = AbslView(text).substr(word.size());
    const std::string model(absl::StripAsciiWhitespace(rest.substr(rest.empty() ? 0 : 1)));
    const absl::Status status = CheckValue(model);
    if (status.ok()) return ChoiceOrModel{words.size(), model};
    node.Report(
        absl::StrCat(AbslView(word), " needs a model, which ", status.message(), "; write ", form));
    return std::nullopt;
  }
  std::string choices;
  for (const std::string_view each : words) absl::StrAppend(&choices, AbslView(each), ", ");
  std::vector<std::string_view> known(words);
  known.push_back(word);
  node.Report(absl::StrCat("must be ", choices, "or ", form, ", not ",
                           node.kind() == YamlKind::kScalar ? QuoteForMessage(text) : "that",
                           DidYouMean(text, known)));
  return std::nullopt;
}

Limit ReadLimit(const YamlNode& node, const PolicyDefaults& defaults, std::string_view file) {
  Limit limit;
  limit.source = node.source();
  if (!node.ExpectMap()) return limit;
  node.ExpectKeys({"id", "tier", "per", "when", "unit", "amount", "window", "time_zone",
                   "starts_on", "on_exceed", "on_outage", "hold", "alert_at", "overrides"});
  limit.id = ReadId(node);
  limit.tier = ReadTierName(node);
  const auto per =
      node.Require("per", "write [user], say, or [] for one counter for the whole org");
  if (per.has_value()) limit.per = ReadPer(*per);
  if (const auto when = node.Find("when"); when.has_value()) limit.when = ReadWhen(*when);
  if (const auto hold = node.Find("hold"); hold.has_value()) {
    limit.hold =
        hold->OneOf({"estimate", "none"}) == size_t{1} ? HoldMode::kNone : HoldMode::kEstimate;
  }
  ReadOutcomes(node, defaults, &limit);

  const auto amount = node.Require("amount", "write how much the scope may use");
  const auto unit = node.Require("unit",
                                 "write usd, requests, input_tokens, output_tokens, total_tokens, "
                                 "concurrency or the name of a meter");
  const std::optional<std::string_view> text = unit.has_value() ? unit->String() : std::nullopt;
  if (!text.has_value()) return limit;
  absl::StatusOr<Unit> parsed = ParseUnit(*text);
  if (!parsed.ok()) {
    unit->Report(absl::StrCat(parsed.status().message(), ", not ", QuoteForMessage(*text)));
    return limit;
  }
  limit.unit = *std::move(parsed);
  if (amount.has_value()) limit.amount = ReadAmount(*amount, limit.unit);
  limit.window = ReadWindow(node, limit.unit, defaults);
  if (const auto alert_at = node.Find("alert_at"); alert_at.has_value()) {
    limit.alert_at = ReadAlertAt(*alert_at);
  } else if (!DefaultAlertAt(limit).empty()) {
    limit.alert_at = defaults.alert_at;
  }
  if (const auto overrides = node.Find("overrides"); overrides.has_value()) {
    limit.overrides = ReadOverrides(*overrides, limit.unit, file);
  }
  return limit;
}

CostCenterRule ReadCostCenter(const YamlNode& node) {
  CostCenterRule rule;
  rule.source = node.source();
  if (!node.ExpectMap()) return rule;
  node.ExpectKeys({"cost_center", "from", "when"});
  const std::optional<YamlNode> name = node.Find("cost_center");
  const std::optional<YamlNode> from = node.Find("from");
  if (name.has_value() == from.has_value()) {
    node.Report(name.has_value()
                    ? "has both `cost_center` and `from`; keep one"
                    : "has neither `cost_center` nor `from`; name the cost center, or say whose "
                      "value it is, such as `from: labels.cost_center`");
  }
  if (name.has_value()) rule.cost_center = ReadValue(*name);
  if (from.has_value()) {
    const std::optional<std::string_view> text = from->String();
    if (text.has_value()) rule.from = ReadDimension(*from, *text);
  }
  if (const auto when = node.Find("when"); when.has_value()) rule.when = ReadWhen(*when);
  return rule;
}

TierRule ReadTierRule(const YamlNode& node) {
  TierRule rule;
  rule.source = node.source();
  if (!node.ExpectMap()) return rule;
  node.ExpectKeys({"tier", "when"});
  const auto tier = node.Require("tier", "name the tier of what `when` matches");
  if (tier.has_value()) rule.tier = tier->String().value_or("");
  if (const auto when = node.Find("when"); when.has_value()) rule.when = ReadWhen(*when);
  return rule;
}

ModelRule ReadModelRule(const YamlNode& node) {
  ModelRule rule;
  rule.source = node.source();
  if (!node.ExpectMap()) return rule;
  node.ExpectKeys({"id", "tier", "when", "allow", "deny"});
  rule.id = ReadId(node);
  rule.tier = ReadTierName(node);
  if (const auto when = node.Find("when"); when.has_value()) rule.when = ReadWhen(*when);
  if (const auto allow = node.Find("allow"); allow.has_value()) rule.allow = ReadGlobs(*allow);
  if (const auto deny = node.Find("deny"); deny.has_value()) rule.deny = ReadGlobs(*deny);
  return rule;
}

}  // namespace quotaplane
