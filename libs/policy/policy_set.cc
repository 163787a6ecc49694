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

std::shared_ptr<const Curbs> NoCurbs() {
  static const auto* const kNone = new std::shared_ptr<const Curbs>(new Curbs());
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
    : default_{std::move(default_policy), 0, NoRaises(), NoCurbs()} {}

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

void PolicySet::Set(OrgChange change) {
  OrgPolicy own = For(change.org);
  if (change.policy.has_value()) {
    const bool is_own = change.policy->second != nullptr;
    own.policy = is_own ? std::move(change.policy->second) : default_.policy;
    own.version = is_own ? change.policy->first : 0;
  }
  if (change.raises.has_value()) {
    own.raises = change.raises->empty() ? NoRaises()
                                        : std::make_shared<const Raises>(change.org, *own.policy,
                                                                         *std::move(change.raises));
  } else if (change.policy.has_value()) {
    own.raises = Under(change.org, *own.policy, *own.raises);
  }
  if (change.curbs.has_value()) {
    own.curbs =
        change.curbs->empty() ? NoCurbs() : std::make_shared<const Curbs>(*std::move(change.curbs));
  }
  // What is the default in everything is not kept.
  if (own.version == 0 && own.raises->empty() && own.curbs->empty()) {
    orgs_.erase(change.org);
  } else {
    orgs_.insert_or_assign(change.org, std::move(own));
  }
}

std::shared_ptr<const PolicySet> PolicySet::With(OrgChange change) const {
  std::shared_ptr<PolicySet> next(new PolicySet(*this));
  next->Set(std::move(change));
  return next;
}

std::shared_ptr<const PolicySet> PolicySet::WithAll(std::vector<OrgChange> changes) const {
  std::shared_ptr<PolicySet> next(new PolicySet(*this));
  for (OrgChange& change : changes) next->Set(std::move(change));
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
  return With({org, std::pair(version, std::move(policy)), std::nullopt});
}

std::shared_ptr<const PolicySet> PolicySet::WithoutPolicy(const std::string& org) const {
  return With({org, std::pair(int64_t{0}, std::shared_ptr<const Policy>()), std::nullopt});
}

std::shared_ptr<const PolicySet> PolicySet::WithRaises(const std::string& org,
                                                       std::vector<Raise> raises) const {
  return With({org, std::nullopt, std::move(raises)});
}

std::shared_ptr<const PolicySet> PolicySet::WithCurbs(const std::string& org,
                                                      std::vector<Curb> curbs) const {
  return With({org, std::nullopt, std::nullopt, std::move(curbs)});
}

}  // namespace quotaplane
