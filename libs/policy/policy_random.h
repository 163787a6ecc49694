// Random policies for tests: any document that Policy::Build takes, with odd names in every place
// that has one. Print the seed where a test fails.
#pragma once

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/policy/policy.h"

namespace quotaplane {

class RandomPolicy {
 public:
  explicit RandomPolicy(uint64_t seed) : random_(seed) {}

  PolicyDocument Document() {
    PolicyDocument document;
    document.approvals = Chance(3) ? static_cast<int>(Below(kMaxApprovals + 1)) : 0;
    document.unpriced_models = static_cast<UnpricedModels>(Below(3));
    if (document.unpriced_models == UnpricedModels::kPriceAs) document.price_as = Value();
    if (Chance(3)) document.retention = Retention();
    if (Chance(2)) document.tiers = Tiers();
    std::vector<std::string> ids = Ids(Below(9));
    const size_t rules = Below(ids.size() + 1);
    for (size_t i = 0; i < ids.size(); ++i) {
      if (i < rules) {
        document.model_rules.push_back(Rule(std::move(ids[i]), document.tiers));
      } else {
        document.limits.push_back(ALimit(std::move(ids[i]), document.tiers));
      }
    }
    document.cost_centers = CostCenters();
    if (Chance(2)) document.alerts = Alerts(document.limits);
    return document;
  }

  // An id that no limit or rule has is not promised: callers make it unique.
  Limit ALimit(std::string id, const std::vector<TierRule>& tiers) {
    Limit limit;
    limit.id = std::move(id);
    limit.per = SomeOf(kDimensions);
    limit.when = When(kDimensions);
    limit.unit = AUnit();
    limit.amount = Amount();
    if (limit.unit.kind != UnitKind::kConcurrency) {
      limit.window = Window();
      if (Chance(4)) limit.hold = HoldMode::kNone;
    }
    limit.on_exceed = static_cast<OnExceed>(Below(4));
    if (limit.on_exceed == OnExceed::kDowngrade) limit.downgrade_model = Value();
    const bool refuses =
        limit.on_exceed == OnExceed::kDeny || limit.on_exceed == OnExceed::kDowngrade;
    limit.on_outage = refuses && Chance(2) ? OnOutage::kDeny : OnOutage::kAllow;
    limit.tier = TierOf(tiers);
    limit.overrides = Overrides(limit.per);
    if (Chance(3)) limit.alert_at = Shares();
    return limit;
  }

  // Rules that fit a document with these limits.
  std::vector<AlertRule> Alerts(const std::vector<Limit>& limits) {
    const Names names = {"org", "team", "project", "user", "model", "labels.session"};
    std::vector<std::string> ids = Ids(5);
    std::vector<AlertRule> rules = FirstMatchRules<AlertRule>(names, [&] {
      AlertRule rule = Alert(names, limits);
      rule.id = std::move(ids.back());
      ids.pop_back();
      return rule;
    });
    std::shuffle(rules.begin(), rules.end() - (!rules.empty() && rules.back().when.empty()),
                 random_);
    return rules;
  }

  // 1 to 128 bytes of UTF-8 without control characters: what somebody may be called.
  std::string Value() {
    if (Chance(2)) return std::string(kPlainValues[Below(kPlainValues.size())]);
    if (Chance(2)) return std::string(kOddValues[Below(kOddValues.size())]);
    std::string value;
    const size_t pieces = 1 + Below(8);
    for (size_t i = 0; i < pieces; ++i) value += kPieces[Below(kPieces.size())];
    return value;
  }
  // The same for all of 0 to n - 1 by chance.
  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  // One time in n.
  bool Chance(size_t n) { return Below(n) == 0; }

 private:
  using Names = std::vector<std::string_view>;
  inline static const Names kDimensions = {"team",  "project",  "user",     "api_key",
                                           "model", "labels.a", "labels.y", "labels.null"};
  static constexpr std::array<std::string_view, 8> kPlainValues = {
      "alice", "bob@example.com", "search", "claude-*", "gpt-5", "o3", "a/b", "ads"};
  static constexpr std::array<std::string_view, 41> kOddValues = {
      "1042", "007",   "0x1F", "0o17",    "1e3",        "-5",     "+1",     "1_000", "12:30:45",
      ".5",   "1.",    ".inf", "-.INF",   ".NaN",       "true",   "False",  "NO",    "y",
      "on",   "null",  "Null", "~",       " ",          " lead",  "trail ", "a: b",  "a #b",
      "#a",   "- a",   "-",    "?",       "[a]",        "{a: b}", "a,b",    "*a",    "&a",
      "!tag", "%YAML", "@at",  "'it''s'", "say \"\\\"n"};
  static constexpr std::array<std::string_view, 20> kPieces = {
      "a", "Z", "7", " ",    "\"",   "\\",     "'",      ":",      "#",      ",",
      "*", "?", "ü", "漢字", "🙂", "\u2028", "\uFEFF", "\u00A0", "\uFFFE", "\U0010FFFF"};

  // Different ones, and few enough that some are alike.
  std::vector<std::string> Ids(size_t count) {
    static constexpr std::array<std::string_view, 6> kStems = {"a",    "1",   "true",
                                                               "null", "9.5", "x-y"};
    std::vector<std::string> ids;
    for (size_t i = 0; i < count; ++i) {
      std::string id(kStems[Below(kStems.size())]);
      while (std::find(ids.begin(), ids.end(), id) != ids.end()) absl::StrAppend(&id, "_", i);
      ids.push_back(std::move(id));
    }
    return ids;
  }

  std::vector<Dimension> SomeOf(const Names& names) {
    std::vector<Dimension> some;
    for (const std::string_view name : names) {
      if (Chance(3)) some.push_back(*ParseDimension(name));
    }
    std::shuffle(some.begin(), some.end(), random_);
    return some;
  }

  std::vector<Glob> Globs() {
    std::vector<Glob> globs;
    const size_t count = 1 + Below(3);
    for (size_t i = 0; i < count; ++i) globs.emplace_back(Value());
    return globs;
  }

  std::vector<Condition> When(const Names& names) {
    std::vector<Condition> when;
    if (Chance(2)) return when;
    for (Dimension& dimension : SomeOf(names)) when.push_back({std::move(dimension), Globs()});
    return when;
  }

  Unit AUnit() {
    static constexpr std::array<std::string_view, 9> kUnits = {
        "usd",         "requests",       "input_tokens", "output_tokens", "total_tokens",
        "concurrency", "mcp_tool_calls", "null",         "true"};
    return *ParseUnit(kUnits[Below(kUnits.size())]);
  }

  int64_t Amount() {
    if (Chance(4)) return kMaxAmount - static_cast<int64_t>(Below(3));
    if (Chance(4)) return static_cast<int64_t>(Below(3));
    const int64_t scale = Chance(2) ? 1 : 1'000'000'000;
    return static_cast<int64_t>(Below(1'000'000)) * scale;
  }

  WindowSpec Window() {
    static constexpr std::array<std::string_view, 9> kSliding = {
        "1s", "59s", "60s", "61s", "90m", "24h", "30d", "366d", "lifetime"};
    static constexpr std::array<std::string_view, 5> kCalendar = {"day", "week", "month", "quarter",
                                                                  "year"};
    static constexpr std::array<const char*, 4> kZones = {
        "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"};
    if (Chance(2)) return *ParseWindow(kSliding[Below(kSliding.size())], absl::UTCTimeZone(), 1);
    absl::TimeZone zone;
    absl::LoadTimeZone(kZones[Below(kZones.size())], &zone);
    const size_t unit = Below(kCalendar.size());
    const int last = unit == 0 ? 1 : unit == 1 ? 7 : 28;
    const int starts_on = Chance(2) ? 1 : 1 + static_cast<int>(Below(static_cast<size_t>(last)));
    return *ParseWindow(kCalendar[unit], zone, starts_on);
  }

  // Over a chain of sets of dimensions, each within the next, so that no two tie.
  std::vector<Override> Overrides(std::vector<Dimension> per) {
    std::vector<Override> overrides;
    if (Chance(3)) per.push_back(Dimension{DimensionKind::kOrg, ""});
    std::set<std::vector<std::pair<Dimension, std::string>>> seen;
    while (!per.empty()) {
      const size_t count = Below(4);
      for (size_t i = 0; i < count; ++i) {
        Override entry;
        for (const Dimension& dimension : per) entry.match.emplace_back(dimension, Value());
        entry.amount = Amount();
        if (seen.insert(entry.match).second) overrides.push_back(std::move(entry));
      }
      per.pop_back();
    }
    std::shuffle(overrides.begin(), overrides.end(), random_);
    return overrides;
  }

  std::string TierOf(const std::vector<TierRule>& tiers) {
    return tiers.empty() || Chance(2) ? "" : tiers[Below(tiers.size())].tier;
  }

  // No two with the same `when`, and the one for all, if any, last.
  template <typename R, typename Make>
  std::vector<R> FirstMatchRules(const Names& names, Make make) {
    std::vector<R> rules;
    std::set<std::set<std::string>> seen;
    const size_t count = Below(5);
    for (size_t i = 0; i < count; ++i) {
      R rule = make();
      rule.when = {{*ParseDimension(names[Below(names.size())]), Globs()}};
      std::set<std::string> globs;
      for (const Glob& glob : rule.when[0].any_of) globs.insert(glob.pattern());
      if (seen.insert(std::move(globs)).second) rules.push_back(std::move(rule));
    }
    if (Chance(2)) rules.push_back(make());
    return rules;
  }

  std::vector<TierRule> Tiers() {
    return FirstMatchRules<TierRule>({"team", "project", "model"}, [&] {
      static constexpr std::array<std::string_view, 4> kTiers = {"restricted", "standard", "1",
                                                                 "no"};
      return TierRule{std::string(kTiers[Below(kTiers.size())]), {}, ""};
    });
  }

  std::vector<CostCenterRule> CostCenters() {
    return FirstMatchRules<CostCenterRule>({"team", "project", "labels.a"}, [&] {
      CostCenterRule rule;
      if (Chance(3)) {
        rule.from = *ParseDimension("labels.cost_center");
      } else {
        rule.cost_center = Value();
      }
      return rule;
    });
  }

  ModelRule Rule(std::string id, const std::vector<TierRule>& tiers) {
    ModelRule rule;
    rule.id = std::move(id);
    rule.when = When({"team", "user"});
    if (Chance(2)) rule.allow = Globs();
    if (rule.allow.empty() || Chance(2)) rule.deny = Globs();
    rule.tier = TierOf(tiers);
    return rule;
  }

  std::vector<int> Shares() {
    static constexpr std::array<int, 8> kShares = {1, 125, 500, 800, 999, 1'000, 1'200, 10'000};
    std::vector<int> shares;
    for (const int share : kShares) {
      if (Chance(3)) shares.push_back(share);
    }
    return shares;
  }

  int64_t Seconds(int64_t from, int64_t to) {
    return (from + static_cast<int64_t>(Below(static_cast<size_t>(to - from + 1)))) * 1'000'000;
  }

  AlertRule Alert(const Names& names, const std::vector<Limit>& limits) {
    AlertRule rule;
    rule.on = static_cast<AlertOn>(Below(4));
    const bool of_limits = rule.on == AlertOn::kThreshold || rule.on == AlertOn::kForecast;
    if (of_limits && !limits.empty() && Chance(2)) {
      const std::string& id = limits[Below(limits.size())].id;
      rule.limits.emplace_back(Chance(2) ? id : id.substr(0, 1) + "*");
    }
    if (rule.on == AlertOn::kThreshold && Chance(2))
      rule.at_permille = 1 + static_cast<int>(Below(10'000));
    if (rule.on == AlertOn::kForecast && Chance(2)) rule.margin_us = Seconds(0, 31 * 86'400);
    if (rule.on == AlertOn::kAnomaly) {
      for (int i = 0; i < 4; ++i) {
        if (Chance(3)) rule.signals.push_back(static_cast<UsageSignal>(i));
      }
      rule.per = SomeOf(names);
    }
    if (!of_limits && Chance(2)) rule.floor_nano_usd = Amount();
    rule.severity = static_cast<AlertSeverity>(Below(3));
    for (const char* name : {"oncall", "1", "no", "a_b-c"}) {
      if (Chance(4)) rule.receivers.emplace_back(name);
    }
    if (Chance(2)) rule.hold_off_us = Seconds(0, 7 * 86'400);
    if (Chance(2)) rule.action = Action(rule.on);
    return rule;
  }

  AlertAction Action(AlertOn on) {
    AlertAction action;
    action.for_us = Seconds(60, 31 * 86'400);
    if (on != AlertOn::kForecast && Chance(2)) {
      action.kind = AlertAction::Kind::kFreeze;
    } else {
      action.share_permille = 1 + static_cast<int>(Below(999));
    }
    return action;
  }

  RetentionAges Retention() {
    const auto age = [&] {
      return Chance(3) ? 0 : kMinRetentionDays + static_cast<int>(Below(1'000));
    };
    RetentionAges ages{age(), age(), age(), Chance(3)};
    if (ages.below_floor && Chance(2)) ages.entries_days = 1;
    return ages;
  }

  std::mt19937_64 random_;
};

}  // namespace quotaplane
