#include "libs/backtest/changed_limits.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace quotaplane {
namespace {

bool SameConditions(const std::vector<Condition>& a, const std::vector<Condition>& b) {
  const auto same_glob = [](const Glob& x, const Glob& y) { return x.pattern() == y.pattern(); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](const Condition& x, const Condition& y) {
                      return x.dimension == y.dimension &&
                             std::equal(x.any_of.begin(), x.any_of.end(), y.any_of.begin(),
                                        y.any_of.end(), same_glob);
                    });
}

bool SameTiers(const std::vector<TierRule>& a, const std::vector<TierRule>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const TierRule& x, const TierRule& y) {
                      return x.tier == y.tier && SameConditions(x.when, y.when);
                    });
}

bool SameAmounts(const Limit& a, const Limit& b) {
  return CountTheSame(a, b) && SameConditions(a.when, b.when) && a.tier == b.tier &&
         a.amount == b.amount &&
         std::equal(a.overrides.begin(), a.overrides.end(), b.overrides.begin(), b.overrides.end(),
                    [](const Override& x, const Override& y) {
                      return x.match == y.match && x.amount == y.amount;
                    });
}

}  // namespace

bool CountTheSame(const Limit& a, const Limit& b) {
  return a.id == b.id && a.per == b.per && a.unit == b.unit &&
         a.window.ToString() == b.window.ToString();
}

std::vector<bool> ChangedLimits(const PolicyDocument& before, const PolicyDocument& after) {
  absl::flat_hash_map<std::string, const Limit*> by_id;
  for (const Limit& limit : before.limits) by_id[limit.id] = &limit;
  const bool same_tiers = SameTiers(before.tiers, after.tiers);
  std::vector<bool> changed;
  changed.reserve(after.limits.size());
  for (const Limit& limit : after.limits) {
    const auto known = by_id.find(limit.id);
    changed.push_back(known == by_id.end() || !SameAmounts(*known->second, limit) ||
                      (!limit.tier.empty() && !same_tiers));
  }
  return changed;
}

}  // namespace quotaplane
