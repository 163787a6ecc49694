#include "libs/policy/alert_rule_check.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "libs/base/did_you_mean.h"
#include "libs/base/hash.h"
#include "libs/policy/entry_check.h"
#include "libs/policy/policy_text.h"
#include "libs/policy/when_digest.h"

namespace quotaplane {
namespace {

constexpr char kScopeDimensions[] = "org, team, project, user, model and labels.session";

// Those by which usage is watched.
bool IsOfScope(const Dimension& dimension) {
  if (dimension.kind == DimensionKind::kLabel) return dimension.label == "session";
  return dimension.kind != DimensionKind::kApiKey;
}

// A key that only some rules have.
struct PartialKey {
  std::string_view key;
  std::array<bool, 4> on;  // by AlertOn
  std::string_view whose;
};
constexpr std::array<PartialKey, 6> kPartialKeys = {{
    {"limits", {true, true, false, false}, "threshold and forecast"},
    {"at", {true, false, false, false}, "threshold"},
    {"margin", {false, true, false, false}, "forecast"},
    {"signals", {false, false, true, false}, "anomaly"},
    {"per", {false, false, true, false}, "anomaly"},
    {"floor", {false, false, true, true}, "anomaly and runaway"},
}};

bool IsDuration(int64_t us, int64_t min_us, int64_t max_us) {
  return us >= min_us && us <= max_us && us % 1'000'000 == 0;
}

// What decides whether one rule takes all that another does.
struct Reach {
  explicit Reach(const AlertRule& r) : rule(r) {
    FieldBuffer buffer;
    AddWhen(r.when, &buffer);
    when = buffer.digest();
    buffer.Clear();
    AddGlobs(r.limits, &buffer);
    limits = buffer.digest();
  }
  const AlertRule& rule;
  Digest when;
  Digest limits;
};

// `all`, which stands for everything where it is empty, has what `some` has.
template <typename T>
bool Holds(const std::vector<T>& all, const std::vector<T>& some) {
  return all.empty() ||
         (!some.empty() && std::includes(all.begin(), all.end(), some.begin(), some.end()));
}

bool Covers(const Reach& a, const Reach& b) {
  const AlertRule& earlier = a.rule;
  const AlertRule& later = b.rule;
  if (earlier.on != later.on) return false;
  if (!earlier.when.empty() && a.when != b.when) return false;
  if (!earlier.limits.empty() && a.limits != b.limits) return false;
  // A field that is not of the kind is the same in both.
  return earlier.at_permille <= later.at_permille && earlier.margin_us <= later.margin_us &&
         Holds(earlier.signals, later.signals) && Holds(earlier.per, later.per) &&
         earlier.floor_nano_usd <= later.floor_nano_usd;
}

// The ids of a document's limits, and what rules' globs find among them.
class LimitIds {
 public:
  explicit LimitIds(const std::vector<Limit>& limits) {
    for (const Limit& limit : limits) ids_.insert(limit.id);
  }

  bool AnyFits(const Glob& glob) const {
    if (glob.literal()) return ids_.contains(glob.pattern());
    return std::any_of(ids_.begin(), ids_.end(),
                       [&](std::string_view id) { return glob.Matches(id); });
  }
  std::string Guess(const Glob& glob) const {
    return DidYouMean(glob.pattern(), {ids_.begin(), ids_.end()});
  }

 private:
  absl::flat_hash_set<std::string_view> ids_;
};

class RuleCheck {
 public:
  RuleCheck(const AlertRule& rule, const LimitIds& limits, const EntryCheck& check)
      : rule_(rule), limits_(limits), check_(check) {}

  void Run() {
    CheckFields();
    CheckScope();
    CheckLimits();
    CheckNumbers();
    CheckReceivers();
    if (rule_.action.has_value()) CheckAction(*rule_.action);
  }

 private:
  void CheckField(std::string_view key, bool given) {
    if (!given) return;
    const std::string reason = NotOfRule(key, rule_.on);
    if (!reason.empty()) check_.Add(absl::StrCat("`", AbslView(key), "` ", reason));
  }

  void CheckFields() {
    CheckField("limits", !rule_.limits.empty());
    CheckField("at", rule_.at_permille != 0);
    CheckField("margin", rule_.margin_us != 0);
    CheckField("signals", !rule_.signals.empty());
    CheckField("per", !rule_.per.empty());
    CheckField("floor", rule_.floor_nano_usd != kDefaultAlertFloorNanoUsd);
  }

  void CheckDimension(std::string_view key, const Dimension& dimension) {
    if (IsOfScope(dimension)) return;
    check_.Add(absl::StrCat("`", AbslView(key), "` of an alert rule takes ", kScopeDimensions,
                            ", not ", dimension.ToString()));
  }

  void CheckScope() {
    check_.CheckWhen(rule_.when);
    for (const Condition& condition : rule_.when) CheckDimension("when", condition.dimension);
    for (const Dimension& dimension : rule_.per) CheckDimension("per", dimension);
  }

  void CheckLimits() {
    check_.CheckGlobs("limits", rule_.limits);
    for (const Glob& glob : rule_.limits) {
      if (limits_.AnyFits(glob)) continue;
      check_.Add(absl::StrCat("limits: the policy has no limit ", QuoteForMessage(glob.pattern()),
                              limits_.Guess(glob)));
    }
  }

  void CheckNumbers() {
    if (rule_.at_permille < 0 || rule_.at_permille > kMaxAlertAt) {
      check_.Add(absl::StrCat("at must be from ", ShareText(1), " to ", ShareText(kMaxAlertAt),
                              ", not ", ShareText(rule_.at_permille)));
    }
    if (rule_.floor_nano_usd < 0 || rule_.floor_nano_usd > kMaxAmount) {
      check_.Add(absl::StrCat("floor must be from 0 to ", kMaxAmount, " nano-USD, not ",
                              rule_.floor_nano_usd));
    }
    CheckDuration("margin", rule_.margin_us, 0, kMaxForecastMarginUs);
    CheckDuration("hold_off", rule_.hold_off_us, 0, kMaxAlertHoldOffUs);
  }

  void CheckDuration(std::string_view key, int64_t us, int64_t min_us, int64_t max_us) {
    if (IsDuration(us, min_us, max_us)) return;
    check_.Add(absl::StrCat(AbslView(key), " must be whole seconds, from ", DurationText(min_us),
                            " to ", DurationText(max_us)));
  }

  void CheckReceivers() {
    const std::vector<std::string>& names = rule_.receivers;
    if (names.size() > kMaxAlertReceivers) {
      check_.Add(absl::StrCat("receivers has ", names.size(), " names; at most ",
                              kMaxAlertReceivers, " are allowed"));
    }
    for (size_t i = 0; i < names.size(); ++i) {
      if (!IsReceiverName(names[i])) {
        check_.Add(absl::StrCat(
            "receivers: a name begins with a-z or 0-9 and has at most 63 of a-z, 0-9, `_` and `-`, "
            "unlike ",
            QuoteForMessage(names[i])));
      }
      if (i > 0 && names[i] == names[i - 1]) {
        check_.Add(absl::StrCat("receivers: ", QuoteForMessage(names[i]), " is listed twice"));
      }
    }
  }

  void CheckAction(const AlertAction& action) {
    const bool freeze = action.kind == AlertAction::Kind::kFreeze;
    if (freeze && action.share_permille != 0) {
      check_.Add("action has both a throttle's share and `freeze`; keep one");
    }
    if (freeze && rule_.on == AlertOn::kForecast) {
      check_.Add(
          "a forecast does not freeze, since what it tells of has not happened; write "
          "action: {throttle: 50%, for: 2h}, say");
    }
    if (!freeze && (action.share_permille < 1 || action.share_permille > 999)) {
      check_.Add(absl::StrCat("action.throttle must be from ", ShareText(1), " to ", ShareText(999),
                              ", not ", ShareText(action.share_permille)));
    }
    CheckDuration("action.for", action.for_us, kMinAlertActionUs, kMaxAlertActionUs);
  }

  const AlertRule& rule_;
  const LimitIds& limits_;
  const EntryCheck& check_;
};

void CheckReachable(const std::vector<AlertRule>& rules, const std::vector<EntryCheck>& checks) {
  std::vector<Reach> earlier;
  for (size_t i = 0; i < rules.size(); ++i) {
    const Reach& rule = earlier.emplace_back(rules[i]);
    const auto covering = std::find_if(earlier.begin(), earlier.end() - 1,
                                       [&](const Reach& each) { return Covers(each, rule); });
    if (covering == earlier.end() - 1) continue;
    checks[i].Add(absl::StrCat("is never reached: ", checks[covering - earlier.begin()].where(),
                               " takes all that it would; put this one first, or remove it"));
  }
}

}  // namespace

bool IsReceiverName(std::string_view name) {
  return IsPolicyId(name) && name.find('.') == std::string_view::npos;
}

std::string NotOfRule(std::string_view key, AlertOn on) {
  for (const PartialKey& partial : kPartialKeys) {
    if (partial.key != key || partial.on[static_cast<size_t>(on)]) continue;
    return absl::StrCat("is for ", AbslView(partial.whose), " rules only; remove it");
  }
  return "";
}

void CheckAlertRules(const PolicyDocument& document, Problems* problems) {
  if (!document.alerts.has_value()) return;
  const std::vector<AlertRule>& rules = *document.alerts;
  size_t globs = 0;
  for (const AlertRule& rule : rules) {
    globs += std::count_if(rule.limits.begin(), rule.limits.end(),
                           [](const Glob& glob) { return !glob.literal(); });
  }
  if (rules.size() > kMaxAlertRules) {
    return problems->Add("policy", absl::StrCat("has ", rules.size(), " alert rules; at most ",
                                                kMaxAlertRules, " are allowed"));
  }
  if (globs > kMaxAlertLimitGlobs) {
    return problems->Add("policy",
                         absl::StrCat("has ", globs, " globs in `limits` of alert rules; at most ",
                                      kMaxAlertLimitGlobs, " with * or ? are allowed"));
  }
  const LimitIds limits(document.limits);
  absl::flat_hash_map<std::string, std::string> ids;
  std::vector<EntryCheck> checks;
  for (const AlertRule& rule : rules) {
    const EntryCheck& check = checks.emplace_back("alert rule", rule.id, rule.source, problems);
    check.CheckId(rule.id, &ids);
    RuleCheck(rule, limits, check).Run();
  }
  CheckReachable(rules, checks);
}

}  // namespace quotaplane
