#include "libs/policy/policy_set.h"

#include <algorithm>
#include <utility>

#include "libs/base/absl_view.h"

namespace quotaplane {
namespace {

std::shared_ptr<const Raises> NoRaises() {
  static const auto* const kNone = new std::shared_ptr<const Raises>(new Raises());
  return *kNone;
}

// The same raises by another policy.
std::shared_ptr<const Raises> Under(const std::string& org, const Policy& policy,
                                    const Raises& raises) {
  if (raises.empty()) return NoRaises();
  return std::make_shared<const Raises>(org, policy, raises.list());
}

}  // namespace

PolicySet::PolicySet(std::shared_ptr<const Policy> default_policy)
    : default_{std::move(default_policy), 0, NoRaises()} {}

const OrgPolicy& PolicySet::For(std::string_view org) const {
  if (orgs_.empty()) return default_;
  const auto found = orgs_.find(AbslView(org));
  return found == orgs_.end() ? default_ : found->second;
}

std::vector<std::string> PolicySet::OrgsWithOwn() const {
  std::vector<std::string> orgs;
  for (const auto& [org, own] : orgs_) {
    if (own.version != 0) orgs.push_back(org);
  }
  std::sort(orgs.begin(), orgs.end());
  return orgs;
}

std::shared_ptr<const PolicySet> PolicySet::With(const std::string& org, OrgPolicy own) const {
  std::shared_ptr<PolicySet> next(new PolicySet(*this));
  if (own.version == 0 && own.raises->empty()) {
    next->orgs_.erase(org);
  } else {
    next->orgs_.insert_or_assign(org, std::move(own));
  }
  return next;
}

std::shared_ptr<const PolicySet> PolicySet::WithDefault(
    std::shared_ptr<const Policy> policy) const {
  std::shared_ptr<PolicySet> next(new PolicySet(*this));
  next->default_.policy = std::move(policy);
  for (auto& [org, own] : next->orgs_) {
    if (own.version != 0) continue;
    own.policy = next->default_.policy;
    own.raises = Under(org, *own.policy, *own.raises);
  }
  return next;
}

std::shared_ptr<const PolicySet> PolicySet::WithPolicy(const std::string& org, int64_t version,
                                                       std::shared_ptr<const Policy> policy) const {
  std::shared_ptr<const Raises> raises = Under(org, *policy, *For(org).raises);
  return With(org, {std::move(policy), version, std::move(raises)});
}

std::shared_ptr<const PolicySet> PolicySet::WithoutPolicy(const std::string& org) const {
  return With(org, {default_.policy, 0, Under(org, *default_.policy, *For(org).raises)});
}

std::shared_ptr<const PolicySet> PolicySet::WithRaises(const std::string& org,
                                                       std::vector<Raise> raises) const {
  OrgPolicy own = For(org);
  own.raises = raises.empty() ? NoRaises()
                              : std::make_shared<const Raises>(org, *own.policy, std::move(raises));
  return With(org, std::move(own));
}

}  // namespace quotaplane
