#include "libs/policy/policy_check.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "libs/policy/alert_rule_check.h"
#include "libs/policy/cost_center.h"
#include "libs/policy/entry_check.h"
#include "libs/policy/policy_text.h"
#include "libs/policy/risk_tier.h"

namespace quotaplane {
namespace {

// Whether the override's dimensions are such that it can be indexed.
bool CheckOverride(const Limit& limit, const Override& entry, Problems* problems) {
  const std::string where =
      entry.source.empty() ? absl::StrCat("an override of limit \"", limit.id, "\"") : entry.source;
  EntryCheck check("override", "", where, problems);
  check.CheckAmount(entry.amount, limit.unit);
  bool indexable = true;
  if (entry.match.empty()) {
    check.Add("names no dimension; name at least one of the limit's `per`");
    indexable = false;
  }
  for (size_t i = 0; i < entry.match.size(); ++i) {
    const Dimension& dimension = entry.match[i].first;
    const std::string& value = entry.match[i].second;
    const absl::Status status = CheckValue(value);
    if (!status.ok()) check.Add(absl::StrCat(dimension.ToString(), " ", status.message()));
    const auto same = [&](const auto& earlier) { return earlier.first == dimension; };
    if (std::any_of(entry.match.begin(), entry.match.begin() + i, same)) {
      check.Add(absl::StrCat(dimension.ToString(), " is given twice"));
      indexable = false;
    }
    if (dimension.kind != DimensionKind::kOrg &&
        std::find(limit.per.begin(), limit.per.end(), dimension) == limit.per.end()) {
      check.Add(absl::StrCat("`", dimension.ToString(),
                             "` is not in the limit's `per`; add it there, or remove it here"));
      indexable = false;
    }
  }
  return indexable;
}

void CheckModes(const Limit& limit, const EntryCheck& check) {
  if (limit.unit.kind == UnitKind::kConcurrency) {
    if (limit.window.kind != WindowKind::kLifetime) {
      check.Add("concurrency counts what is under way, so it has no window; remove `window`");
    }
    if (limit.hold == HoldMode::kNone) {
      check.Add("concurrency counts holds only, so it needs them; remove `hold: none`");
    }
  }
  const bool downgrade = limit.on_exceed == OnExceed::kDowngrade;
  if (downgrade && limit.downgrade_model.empty()) {
    check.Add("on_exceed: downgrade needs a model; write on_exceed: {downgrade: MODEL}");
  } else if (downgrade) {
    const absl::Status status = CheckValue(limit.downgrade_model);
    if (!status.ok()) check.Add(absl::StrCat("on_exceed.downgrade ", status.message()));
  } else if (!limit.downgrade_model.empty()) {
    check.Add("a downgrade model is given, but on_exceed is not downgrade");
  }
}

void CheckAlertAt(const Limit& limit, const EntryCheck& check) {
  if (!limit.alert_at.has_value()) return;
  const std::vector<int>& shares = *limit.alert_at;
  if (shares.size() > kMaxAlertAtShares) {
    check.Add(absl::StrCat("alert_at has ", shares.size(), " shares; at most ", kMaxAlertAtShares,
                           " are allowed"));
  }
  for (size_t i = 0; i < shares.size(); ++i) {
    if (shares[i] < 1 || shares[i] > kMaxAlertAt) {
      check.Add(absl::StrCat("alert_at must have shares from ", ShareText(1), " to ",
                             ShareText(kMaxAlertAt), ", not ", ShareText(shares[i])));
    }
    if (i > 0 && shares[i] <= shares[i - 1]) {
      check.Add(absl::StrCat("alert_at has ", ShareText(shares[i]), " behind ",
                             ShareText(shares[i - 1]), "; write them ascending, each once"));
    }
  }
}

// Whether its overrides can be indexed.
bool CheckLimit(const Limit& limit, const EntryCheck& check, Problems* problems) {
  if (limit.per.size() > kMaxPerDimensions) {
    check.Add(absl::StrCat("`per` has ", limit.per.size(), " dimensions; at most ",
                           kMaxPerDimensions, " are allowed"));
  }
  check.CheckWhen(limit.when);
  const absl::StatusOr<Unit> unit = ParseUnit(limit.unit.ToString());
  if (!unit.ok()) {
    check.Add(absl::StrCat("unit ", unit.status().message()));
  } else if (*unit != limit.unit) {
    check.Add(absl::StrCat("a meter cannot be called \"", limit.unit.meter,
                           "\": that is a unit of its own"));
  }
  check.CheckAmount(limit.amount, limit.unit);
  CheckModes(limit, check);
  CheckAlertAt(limit, check);
  bool indexable = limit.per.size() <= kMaxPerDimensions;
  for (const Override& entry : limit.overrides) {
    if (problems->full()) return false;
    indexable &= CheckOverride(limit, entry, problems);
  }
  return indexable;
}

void CheckRule(const ModelRule& rule, const EntryCheck& check) {
  check.CheckWhen(rule.when);
  for (const Condition& condition : rule.when) {
    if (condition.dimension.kind == DimensionKind::kTeam ||
        condition.dimension.kind == DimensionKind::kUser)
      continue;
    check.Add(absl::StrCat("`when` of a model rule takes team and user, not ",
                           condition.dimension.ToString()));
  }
  if (rule.allow.empty() && rule.deny.empty()) {
    check.Add("has neither `allow` nor `deny`; give a list of models");
  }
  check.CheckGlobs("allow", rule.allow);
  check.CheckGlobs("deny", rule.deny);
}

void CheckBound(std::string_view what, size_t count, size_t bound, Problems* problems) {
  if (count > bound) {
    problems->Add("policy", absl::StrCat("has ", count, " ", AbslView(what), "; at most ", bound,
                                         " are allowed"));
  }
}

void SortWhen(std::vector<Condition>* when) {
  std::stable_sort(when->begin(), when->end(), [](const Condition& a, const Condition& b) {
    return a.dimension < b.dimension;
  });
}

template <typename T>
void SortOnce(std::vector<T>* entries) {
  std::sort(entries->begin(), entries->end());
  entries->erase(std::unique(entries->begin(), entries->end()), entries->end());
}

}  // namespace

bool IsPolicyId(std::string_view id) {
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyz0123456789";
  if (id.empty() || id.size() > kMaxPolicyIdBytes) return false;
  if (kFirst.find(id[0]) == std::string_view::npos) return false;
  return id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

void Normalize(PolicyDocument* document) {
  for (Limit& limit : document->limits) {
    SortOnce(&limit.per);
    std::erase_if(limit.per, [](const Dimension& d) { return d.kind == DimensionKind::kOrg; });
    SortWhen(&limit.when);
    for (Override& entry : limit.overrides) std::sort(entry.match.begin(), entry.match.end());
  }
  for (ModelRule& rule : document->model_rules) SortWhen(&rule.when);
  for (CostCenterRule& rule : document->cost_centers) SortWhen(&rule.when);
  for (TierRule& rule : document->tiers) SortWhen(&rule.when);
  if (!document->alerts.has_value()) return;
  for (AlertRule& rule : *document->alerts) {
    SortWhen(&rule.when);
    SortOnce(&rule.signals);
    SortOnce(&rule.per);
    std::sort(rule.receivers.begin(), rule.receivers.end());
  }
}

void CheckDocument(const PolicyDocument& document, Problems* problems,
                   std::vector<bool>* indexable) {
  absl::flat_hash_map<std::string, std::string> ids;
  size_t overrides = 0;
  for (const Limit& limit : document.limits) {
    const EntryCheck check("limit", limit.id, limit.source, problems);
    check.CheckId(limit.id, &ids);
    indexable->push_back(CheckLimit(limit, check, problems));
    overrides += limit.overrides.size();
  }
  for (const ModelRule& rule : document.model_rules) {
    const EntryCheck check("model rule", rule.id, rule.source, problems);
    check.CheckId(rule.id, &ids);
    CheckRule(rule, check);
  }
  CheckCostCenters(document.cost_centers, problems);
  CheckTiers(document, problems);
  CheckAlertRules(document, problems);
  CheckBound("limits", document.limits.size(), kMaxLimits, problems);
  CheckBound("model rules", document.model_rules.size(), kMaxModelRules, problems);
  CheckBound("overrides", overrides, kMaxOverrides, problems);

  if (document.approvals < 0 || document.approvals > kMaxApprovals) {
    problems->Add("approvals",
                  absl::StrCat("must be from 0 to ", kMaxApprovals, ", not ", document.approvals));
  }
  const bool price_as = document.unpriced_models == UnpricedModels::kPriceAs;
  if (price_as != !document.price_as.empty()) {
    problems->Add("unpriced_models",
                  price_as ? "price_as needs a model; write {price_as: MODEL}"
                           : "a model to price as is given, but the mode is not price_as");
  }
}

}  // namespace quotaplane
