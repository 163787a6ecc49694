// Which change may follow on what is there. Each refusal says what would be right.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/control/policy_rows.h"
#include "libs/control/policy_source.h"
#include "libs/control/policy_version.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Of one org, at once.
inline constexpr int64_t kMaxPolicyDrafts = 100;

absl::Status NoSuchVersion(int64_t version);  // NOT_FOUND
// FAILED_PRECONDITION, reason WRONG_STATE. `what` ends the sentence.
absl::Status WrongState(const PolicyVersion& version, std::string_view what);

// ABORTED, reason ETAG_MISMATCH.
absl::Status CheckEtag(const PolicyVersion& version, std::string_view etag);
// Of the version in force; empty: whatever it is.
absl::Status CheckEtag(const PolicyInForce& in_force, std::string_view etag);
// That the draft was made from what is in force. FAILED_PRECONDITION, reason BASE_CHANGED.
absl::Status CheckBase(const PolicyVersion& draft, const PolicyInForce& in_force);
// That whoever wrote a document had seen what is in force. ABORTED, reason BASE_CHANGED.
absl::Status CheckSeen(int64_t version, const PolicyInForce& in_force);
// FAILED_PRECONDITION, reason NOT_APPROVED.
absl::Status CheckApprovals(const PolicyVersion& draft, const PolicyInForce& in_force);
// PERMISSION_DENIED, reason OWN_CHANGE; FAILED_PRECONDITION, reason ALREADY_APPROVED;
// RESOURCE_EXHAUSTED, reason TOO_MANY.
absl::Status CheckApprover(sql::Session& session, const PolicyVersion& draft,
                           std::string_view actor);
// RESOURCE_EXHAUSTED, reason TOO_MANY.
absl::Status CheckRoomForDraft(sql::Session& session, std::string_view org);

// The draft of this version and etag. NOT_FOUND, or what the checks above say.
absl::StatusOr<PolicyRow> ReadDraft(sql::Session& session, std::string_view org, int64_t version,
                                    std::string_view etag, std::string_view what);

}  // namespace quotaplane
