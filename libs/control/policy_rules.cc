#include "libs/control/policy_rules.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace quotaplane {

absl::Status NoSuchVersion(int64_t version) {
  return absl::NotFoundError(absl::StrCat("the org has no policy version ", version));
}

absl::Status WrongState(const PolicyVersion& version, std::string_view what) {
  const std::string state(PolicyStateName(version.state));
  return ReasonedError(
      absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
      absl::StrCat("policy version ", version.version, " is ", state, "; ", std::string(what)),
      {{"state", state}});
}

absl::Status CheckEtag(const PolicyVersion& version, std::string_view etag) {
  if (version.etag == etag) return absl::OkStatus();
  return ReasonedError(absl::StatusCode::kAborted, "ETAG_MISMATCH",
                       absl::StrCat("policy version ", version.version,
                                    " has changed since it was read; read it again"));
}

// Of the version in force; nothing has an etag where there is none.
absl::Status CheckEtag(const PolicyInForce& in_force, std::string_view etag) {
  if (etag.empty()) return absl::OkStatus();
  if (in_force.row.has_value() && in_force.row->version.etag == etag) return absl::OkStatus();
  return ReasonedError(
      absl::StatusCode::kAborted, "ETAG_MISMATCH",
      "another policy version is active than the one that was read; read it again");
}

absl::Status CheckBase(const PolicyVersion& draft, const PolicyInForce& in_force) {
  if (draft.base_version == in_force.version()) return absl::OkStatus();
  return ReasonedError(
      absl::StatusCode::kFailedPrecondition, "BASE_CHANGED",
      absl::StrCat("the draft was made from version ", draft.base_version, ", and version ",
                   in_force.version(),
                   " is active by now: it would be undone. Give the draft a whole document that "
                   "was made from that one, or make a new draft"),
      {{"base_version", absl::StrCat(draft.base_version)},
       {"active_version", absl::StrCat(in_force.version())}});
}

absl::Status CheckSeen(int64_t version, const PolicyInForce& in_force) {
  if (version == in_force.version()) return absl::OkStatus();
  return ReasonedError(
      absl::StatusCode::kAborted, "BASE_CHANGED",
      absl::StrCat("the document was made from version ", version, ", and version ",
                   in_force.version(), " is active: read that one, and say so in base_version"),
      {{"base_version", absl::StrCat(version)},
       {"active_version", absl::StrCat(in_force.version())}});
}

absl::StatusOr<PolicyRow> ReadDraft(sql::Session& session, std::string_view org, int64_t version,
                                    std::string_view etag, std::string_view what) {
  QP_ASSIGN_OR_RETURN(std::optional<PolicyRow> row, ReadPolicyRow(session, org, version));
  if (!row.has_value()) return NoSuchVersion(version);
  if (row->version.state != PolicyState::kDraft) return WrongState(row->version, what);
  QP_RETURN_IF_ERROR(CheckEtag(row->version, etag));
  return *std::move(row);
}

absl::Status CheckApprovals(const PolicyVersion& draft, const PolicyInForce& in_force) {
  const int has = static_cast<int>(draft.approvals.size());
  if (has < in_force.approvals_asked) {
    return ReasonedError(
        absl::StatusCode::kFailedPrecondition, "NOT_APPROVED",
        absl::StrCat("the policy in force asks for ", in_force.approvals_asked,
                     " approvals by others than its authors, and the draft has ", has),
        {{"approvals", absl::StrCat(has)}, {"needed", absl::StrCat(in_force.approvals_asked)}});
  }
  return absl::OkStatus();
}

absl::Status CheckApprover(sql::Session& session, const PolicyVersion& draft,
                           std::string_view actor) {
  QP_ASSIGN_OR_RETURN(const bool own, IsPolicyAuthor(session, draft, actor));
  if (own) {
    return ReasonedError(absl::StatusCode::kPermissionDenied, "OWN_CHANGE",
                         "who wrote a draft, or a part of it, cannot approve it");
  }
  if (std::any_of(draft.approvals.begin(), draft.approvals.end(),
                  [&](const PolicyApproval& each) { return each.approver == actor; })) {
    return ReasonedError(absl::StatusCode::kFailedPrecondition, "ALREADY_APPROVED",
                         "you have approved it already");
  }
  if (draft.approvals.size() >= static_cast<size_t>(kMaxApprovals)) {
    return ReasonedError(
        absl::StatusCode::kResourceExhausted, "TOO_MANY",
        absl::StrCat("it has ", kMaxApprovals, " approvals, as many as any policy can ask for"));
  }
  return absl::OkStatus();
}

absl::Status CheckRoomForDraft(sql::Session& session, std::string_view org) {
  QP_ASSIGN_OR_RETURN(const int64_t drafts, CountDrafts(session, org));
  if (drafts < kMaxPolicyDrafts) return absl::OkStatus();
  return ReasonedError(absl::StatusCode::kResourceExhausted, "TOO_MANY",
                       absl::StrCat("the org has ", drafts,
                                    " drafts, as many as it can have; "
                                    "activate or discard some"));
}

}  // namespace quotaplane
