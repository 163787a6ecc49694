#include "libs/control/state_policies.h"

#include "libs/base/status_macros.h"

namespace quotaplane {

absl::StatusOr<std::shared_ptr<const Policy>> VersionedPolicies::Active(
    sql::Session& session, const std::string& org) const {
  return versions_->ActiveIn(session, org);
}

absl::StatusOr<std::optional<int64_t>> VersionedPolicies::DraftOf(
    sql::Session& session, const std::string& org, const std::string& fingerprint) const {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"draft of",
                                     "SELECT version FROM policy_versions WHERE org = $1 "
                                     "AND state = 'draft' AND fingerprint = $2 "
                                     "ORDER BY version DESC LIMIT 1"},
                                    {org, fingerprint}));
  if (rows.empty()) return std::nullopt;
  int64_t version = 0;
  QP_RETURN_IF_ERROR(rows[0].Read(version));
  return version;
}

absl::StatusOr<StatePolicies::Version> VersionedPolicies::Put(
    const OpenChange& change, const std::shared_ptr<const Policy>& policy,
    ChangeRecord* record) const {
  QP_ASSIGN_OR_RETURN(const PolicyVersion version, versions_->PutIn(change, *policy, record));
  return Version{version.version, version.state == PolicyState::kDraft};
}

}  // namespace quotaplane
