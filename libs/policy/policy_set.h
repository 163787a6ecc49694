// The policies in force: an org's own, and one for all orgs that have none.
//
// The default policy is the file that a server was started with; an org's own versions
// (libs/control) stand in its place, whole, for that org alone. What is of the deployment, such as
// retention, is the default policy's.
//
// Immutable: a change makes a new set, which shares all that did not change.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/policy/curbs.h"
#include "libs/policy/policy.h"
#include "libs/policy/raises.h"

namespace quotaplane {

struct OrgPolicy {
  std::shared_ptr<const Policy> policy;  // never null
  int64_t version = 0;                   // 0: the default policy
  std::shared_ptr<const Raises> raises;  // never null
  std::shared_ptr<const Curbs> curbs;    // never null
};

class PolicySet {
 public:
  explicit PolicySet(std::shared_ptr<const Policy> default_policy);

  // Valid as long as the set. Thread-safe.
  const OrgPolicy& For(std::string_view org) const;
  const Policy& default_policy() const { return *default_.policy; }
  // Those with a policy of their own, in order.
  std::vector<std::string> OrgsWithOwn() const;

  // Copies with one change, in time linear in the number of orgs with something of their own.
  // `version` >= 1.
  std::shared_ptr<const PolicySet> WithDefault(std::shared_ptr<const Policy> policy) const;
  std::shared_ptr<const PolicySet> WithPolicy(const std::string& org, int64_t version,
                                              std::shared_ptr<const Policy> policy) const;
  // The org goes back to the default policy. Its raises stay.
  std::shared_ptr<const PolicySet> WithoutPolicy(const std::string& org) const;
  // In place of those that the org had.
  std::shared_ptr<const PolicySet> WithRaises(const std::string& org,
                                              std::vector<Raise> raises) const;
  std::shared_ptr<const PolicySet> WithCurbs(const std::string& org, std::vector<Curb> curbs) const;

  // Several of these at once, in time linear in the number of changes and of orgs.
  struct OrgChange {
    std::string org;
    // A version and its policy; without a policy, the org goes back to the default one.
    std::optional<std::pair<int64_t, std::shared_ptr<const Policy>>> policy;
    std::optional<std::vector<Raise>> raises;
    std::optional<std::vector<Curb>> curbs = std::nullopt;
  };
  std::shared_ptr<const PolicySet> WithAll(std::vector<OrgChange> changes) const;

 private:
  PolicySet(const PolicySet&) = default;
  std::shared_ptr<const PolicySet> With(OrgChange change) const;
  void Set(OrgChange change);

  OrgPolicy default_;
  // Orgs with a policy of their own, raises or curbs.
  absl::flat_hash_map<std::string, OrgPolicy> orgs_;
};

}  // namespace quotaplane
