// What an org's state needs of its policy versions (state.h), by those (policy_versions.h).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libs/control/policy_versions.h"
#include "libs/control/state.h"

namespace quotaplane {

// Thread-safe.
class VersionedPolicies : public StatePolicies {
 public:
  // `versions` must outlive it.
  explicit VersionedPolicies(PolicyVersions* versions) : versions_(versions) {}

  absl::StatusOr<std::shared_ptr<const Policy>> Active(sql::Session& session,
                                                       const std::string& org) const override;
  absl::StatusOr<std::optional<int64_t>> DraftOf(sql::Session& session, const std::string& org,
                                                 const std::string& fingerprint) const override;
  absl::StatusOr<Version> Put(const OpenChange& change, const std::shared_ptr<const Policy>& policy,
                              ChangeRecord* record) const override;

 private:
  PolicyVersions* const versions_;
};

}  // namespace quotaplane
