#include "libs/policy/scope_limits.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "libs/policy/counter_identity.h"
#include "libs/policy/problems.h"

namespace quotaplane {

ScopeLimits::ScopeLimits(std::shared_ptr<const Policy> policy) : policy_(std::move(policy)) {
  const std::vector<Limit>& limits = policy_->document().limits;
  for (size_t i = 0; i < limits.size(); ++i) by_id_.emplace(limits[i].id, i);
}

std::optional<AppliedLimit> ScopeLimits::Find(std::string_view limit_id, const Subject& scope) {
  const auto found = by_id_.find(limit_id);
  if (found == by_id_.end()) return std::nullopt;
  const size_t at = found->second;
  const Limit& limit = policy_->document().limits[at];
  const bool has_all = std::all_of(
      limit.per.begin(), limit.per.end(),
      [&](const Dimension& dimension) { return !dimension.ValueIn(scope, scope.model).empty(); });
  if (!has_all) return std::nullopt;
  FieldBuffer buffer;
  const Digest scope_digest = ScopeDigest(limit.per, scope, scope.model, &buffer);
  AppliedLimit applied{&limit, limit.amount, CounterName(policy_->family(at), scope_digest)};
  if (limit.overrides.empty()) return applied;
  auto overrides = overrides_.find(at);
  if (overrides == overrides_.end()) {
    Problems none;  // the policy was built with them
    overrides = overrides_.emplace(at, OverrideIndex(limit, &none)).first;
  }
  applied.amount = overrides->second.Find(scope, scope.model).value_or(limit.amount);
  return applied;
}

}  // namespace quotaplane
