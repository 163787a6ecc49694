// Policy versions in the database. What may follow what is decided above (policy_versions.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/control/policy_version.h"
#include "libs/sql/database.h"

namespace quotaplane {

// A version with what belongs to its row alone. Its etag and approvals are those of the database;
// approvals_needed and yaml are for others to fill in.
struct PolicyRow {
  PolicyVersion version;
  int64_t change_number = 0;
  // Of the change that wrote its document, which names the document for good.
  int64_t document_number = 0;
  // What the document asks of versions to come.
  int64_t approvals_asked = 0;
};

absl::StatusOr<std::optional<PolicyRow>> ReadPolicyRow(sql::Session& session, std::string_view org,
                                                       int64_t version);
absl::StatusOr<std::optional<PolicyRow>> ReadActivePolicyRow(sql::Session& session,
                                                             std::string_view org);
// The one that was active before the present one.
absl::StatusOr<std::optional<PolicyRow>> ReadFormerPolicyRow(sql::Session& session,
                                                             std::string_view org);
// The newest draft of this fingerprint that was made from version `base`.
absl::StatusOr<std::optional<PolicyRow>> FindDraft(sql::Session& session, std::string_view org,
                                                   int64_t base, std::string_view fingerprint);
// Newest first, those before `before_version`.
absl::StatusOr<std::vector<PolicyRow>> ListPolicyRows(sql::Session& session, std::string_view org,
                                                      int64_t before_version, size_t most);
absl::StatusOr<int64_t> CountDrafts(sql::Session& session, std::string_view org);
absl::StatusOr<int64_t> NextPolicyVersion(sql::Session& session, std::string_view org);

// NOT_FOUND: there is none.
absl::StatusOr<std::string> ReadPolicyYaml(sql::Session& session, std::string_view org,
                                           int64_t version);

// A new row, its document, and its author.
absl::Status InsertPolicyRow(sql::Transaction& transaction, const PolicyRow& row,
                             std::string_view yaml);
// State, base, fingerprint, reason, times and numbers of a row that is there.
absl::Status UpdatePolicyRow(sql::Transaction& transaction, const PolicyRow& row);
absl::Status UpdatePolicyYaml(sql::Transaction& transaction, const PolicyVersion& version,
                              std::string_view yaml);

// Everybody who wrote a part of it.
absl::Status AddPolicyAuthor(sql::Transaction& transaction, const PolicyVersion& version,
                             std::string_view author);
absl::StatusOr<bool> IsPolicyAuthor(sql::Session& session, const PolicyVersion& version,
                                    std::string_view actor);
absl::Status InsertApproval(sql::Transaction& transaction, const PolicyVersion& version,
                            const PolicyApproval& approval);

absl::Status DropApprovals(sql::Transaction& transaction, const PolicyVersion& version);

std::string EtagOf(int64_t change_number);

}  // namespace quotaplane
