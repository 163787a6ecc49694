#include "libs/policy/risk_tier.h"

#include <set>
#include <string>

#include "libs/base/did_you_mean.h"
#include "libs/base/quote.h"
#include "libs/policy/first_match.h"
#include "libs/policy/policy_check.h"
#include "libs/policy/when_digest.h"

namespace quotaplane {
namespace {

ConditionIndex IndexOf(const std::vector<TierRule>& rules) {
  std::vector<const std::vector<Condition>*> lists;
  for (const TierRule& rule : rules) lists.push_back(&rule.when);
  return ConditionIndex(lists);
}

bool SaysWhichTier(const Dimension& dimension) {
  return dimension.kind == DimensionKind::kTeam || dimension.kind == DimensionKind::kProject ||
         dimension.kind == DimensionKind::kModel;
}

constexpr FirstMatchCheck::Shape kShape = {"tier", "team, project and model", SaysWhichTier};

// That the tier, if any, is one that a rule gives.
template <typename Entry>
void CheckTierOf(const Entry& entry, std::string_view kind, const std::set<std::string_view>& names,
                 Problems* problems) {
  if (entry.tier.empty() || names.contains(entry.tier)) return;
  const std::string where =
      entry.source.empty() ? absl::StrCat(AbslView(kind), " \"", entry.id, "\"") : entry.source;
  const std::string guess = DidYouMean(entry.tier, {names.begin(), names.end()});
  problems->Add(where,
                absl::StrCat("no rule of `tiers` gives the tier ", QuoteForMessage(entry.tier),
                             guess.empty() ? "; add one, or remove `tier`" : guess));
}

}  // namespace

TierRules::TierRules(const std::vector<TierRule>& rules) : rules_(rules), index_(IndexOf(rules)) {}

std::string_view TierRules::TierOf(const Subject& subject, std::string_view model) const {
  for (const uint32_t i : index_.Find(subject, model)) {
    if (MatchesAll(rules_[i].when, subject, model)) return rules_[i].tier;
  }
  return {};
}

void CheckTiers(const PolicyDocument& document, Problems* problems) {
  if (document.tiers.size() > kMaxTierRules) {
    return problems->Add("policy",
                         absl::StrCat("has ", document.tiers.size(), " tier rules; at most ",
                                      kMaxTierRules, " are allowed"));
  }
  FirstMatchCheck check(kShape, problems);
  std::set<std::string_view> names;
  for (const TierRule& rule : document.tiers) {
    const std::string where = rule.source.empty() ? "a tier rule" : rule.source;
    if (!IsPolicyId(rule.tier)) problems->Add(where, absl::StrCat("`tier` ", kPolicyIdForm));
    check.Check(where, rule.when, "");
    names.insert(rule.tier);
  }
  for (const Limit& limit : document.limits) CheckTierOf(limit, "limit", names, problems);
  for (const ModelRule& rule : document.model_rules) {
    CheckTierOf(rule, "model rule", names, problems);
  }
}

Digest TiersDigest(const std::vector<TierRule>& rules) {
  FieldBuffer buffer;
  buffer.Add(static_cast<int64_t>(rules.size()));
  for (const TierRule& rule : rules) {
    buffer.Add(rule.tier);
    AddWhen(rule.when, &buffer);
  }
  return buffer.digest();
}

}  // namespace quotaplane
