#include "libs/policy/raises.h"

#include <algorithm>
#include <optional>

#include "libs/policy/counter_identity.h"
#include "libs/policy/subject_value.h"

namespace quotaplane {
namespace {

// The subject that a raise speaks of, where it has just the dimensions that the limit counts over.
std::optional<Subject> SubjectOf(const Raise& raise, std::string_view org, const Limit& limit) {
  Subject subject;
  subject.org = org;
  std::vector<Dimension> named;
  for (const auto& [dimension, value] : raise.scope) {
    if (value.empty()) return std::nullopt;
    if (dimension.kind == DimensionKind::kOrg) {
      if (value != org) return std::nullopt;
      continue;
    }
    if (std::find(named.begin(), named.end(), dimension) != named.end()) return std::nullopt;
    named.push_back(dimension);
    SetValue(dimension, value, &subject);
  }
  std::sort(named.begin(), named.end());
  std::sort(subject.labels.begin(), subject.labels.end());
  if (named != limit.per) return std::nullopt;
  return subject;
}

}  // namespace

Raises::Raises(std::string_view org, const Policy& policy, std::vector<Raise> raises)
    : list_(std::move(raises)) {
  if (list_.empty()) return;
  const std::vector<Limit>& limits = policy.document().limits;
  absl::flat_hash_map<std::string, size_t> by_id;
  for (size_t i = 0; i < limits.size(); ++i) by_id.emplace(limits[i].id, i);
  FieldBuffer buffer;
  for (size_t i = 0; i < list_.size(); ++i) {
    const auto found = by_id.find(list_[i].limit_id);
    if (found == by_id.end()) continue;
    const Limit& limit = limits[found->second];
    const std::optional<Subject> subject = SubjectOf(list_[i], org, limit);
    if (!subject.has_value()) continue;
    const Digest scope = ScopeDigest(limit.per, *subject, subject->model, &buffer);
    by_counter_[CounterName(policy.family(found->second), scope)].push_back(
        static_cast<uint32_t>(i));
  }
}

const Raise* Raises::Find(const AppliedLimit& applied, int64_t now_us) const {
  const auto found = by_counter_.find(applied.counter);
  if (found == by_counter_.end()) return nullptr;
  const Raise* best = nullptr;
  for (const uint32_t i : found->second) {
    const Raise& raise = list_[i];
    if (raise.limit_id != applied.limit->id || raise.amount <= applied.amount) continue;
    if (now_us < raise.from_us || now_us >= raise.until_us) continue;
    const bool better = best == nullptr || raise.amount > best->amount ||
                        (raise.amount == best->amount && raise.until_us > best->until_us);
    if (better) best = &raise;
  }
  return best;
}

}  // namespace quotaplane
