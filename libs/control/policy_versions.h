// The versions of orgs' policies: drafts, approvals, what is in force, and what was.
//
// Rules that no caller gets around
// - The number of approvals that an activation needs is what the policy in force says, not the
//   draft: a draft cannot waive its own. Nor can a rollback: the copy keeps the present number
//   where the earlier one was lower.
// - Nobody who wrote a draft or a part of it approves it, and nobody approves twice. What is
//   approved is the document of the etag: whoever changes it takes the approvals back, and says so.
// - A draft is made against the version in force, its base. Once another is in force, activating
//   the draft would silently undo that one: FAILED_PRECONDITION, reason BASE_CHANGED. A whole
//   document bases it on the present one, if its author says to have seen that.
// - What an etag refuses, an approval lacks, or a document breaks, changes nothing.
//
// Documents are stored in their canonical form (libs/config/policy_writer.h). Parsed ones are kept
// in a bounded cache, so that a change of one amount in a large policy does not parse it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/change.h"
#include "libs/control/changed.h"
#include "libs/control/item_codec.h"
#include "libs/control/policy_source.h"
#include "libs/control/policy_version.h"
#include "libs/policy/policy.h"
#include "libs/policy/policy_diff.h"
#include "libs/policy/policy_edit.h"
#include "libs/sql/database.h"

namespace quotaplane {

// A whole document in YAML, or changes of the one there is, made one after the other.
using PolicyInput = std::variant<std::string, std::vector<PolicyEdit>>;

// What a draft's writer says beside the document.
struct DraftOptions {
  // The version in force that the document was made against. 0: a new draft's, whatever it is; a
  // changed one's, the base that it has.
  int64_t base_version = 0;
  // Of a change: takes back what approvals there are.
  bool drop_approvals = false;
};

// What was put in force directly, or as a draft that waits for approvals.
struct PutPolicyOutcome {
  // The active version itself, unchanged, where the document means the same as its own.
  PolicyVersion version;
  // Of edits that name limits, the last one's id; empty for a whole document.
  std::string limit_id;
};

// What a document changes as a part of a larger change.
struct PolicyPart {
  enum class Outcome {
    kUnchanged,  // it means the same as the active version
    kWaits,      // a draft of the active version says the same, and waits for approvals
    kDraft,
    kActive,
  };
  Outcome outcome = Outcome::kUnchanged;
  PolicyVersion version;
  // Of what was in force, for a new version: at most kMaxPartChanges.
  std::vector<PolicyChange> changes;
  int64_t unlisted = 0;
  std::optional<ChangeRecord::ItemWrite> item;
};
inline constexpr size_t kMaxPartChanges = 10'000;

// Thread-safe. Blocks.
//
// Writes take a ChangeRequest, whose org is not empty, and are answered without the YAML. Errors,
// where not said otherwise: INVALID_ARGUMENT (a FieldError on "yaml", with each problem of the
// document, or on "edits[i]"), NOT_FOUND (no such version or, for edits, limit),
// FAILED_PRECONDITION with reason WRONG_STATE (metadata: state), ABORTED with reason ETAG_MISMATCH,
// and those of Changes::Make. Every refusal is in the audit log.
class PolicyVersions {
 public:
  static constexpr size_t kMaxEdits = 1'000;
  // All must outlive it.
  PolicyVersions(sql::Database* database, Changes* changes, const ItemCodec* codec,
                 DefaultPolicy default_policy);
  ~PolicyVersions();

  // Edits are of the active document, or of the default one. RESOURCE_EXHAUSTED, reason TOO_MANY:
  // the org has kMaxPolicyDrafts drafts. ABORTED, reason BASE_CHANGED: another version is in force
  // than the options say.
  absl::StatusOr<PolicyVersion> CreateDraft(const ChangeRequest& request, const PolicyInput& input,
                                            const DraftOptions& options = {});
  // Everything that CreateDraft checks; writes nothing, and needs no request id. Version 0, with
  // the YAML that would be stored.
  absl::StatusOr<PolicyVersion> Validate(std::string_view org, const PolicyInput& input);
  // Edits are of the draft; of one whose base is no longer active they are FAILED_PRECONDITION,
  // reason BASE_CHANGED. A whole document rebases it onto the version of the options. ABORTED,
  // reason BASE_CHANGED: another is active than that or, where the options say none, than the base.
  // FAILED_PRECONDITION, reason WRONG_STATE, also: it has approvals, and the options keep them.
  absl::StatusOr<PolicyVersion> UpdateDraft(const ChangeRequest& request, int64_t version,
                                            std::string_view etag, const PolicyInput& input,
                                            const DraftOptions& options = {});
  absl::StatusOr<PolicyVersion> Discard(const ChangeRequest& request, int64_t version,
                                        std::string_view etag);
  // request.reason is the approval's comment. PERMISSION_DENIED, reason OWN_CHANGE.
  // FAILED_PRECONDITION, reason ALREADY_APPROVED, BASE_CHANGED. RESOURCE_EXHAUSTED, reason
  // TOO_MANY: it has as many as any policy can ask for.
  absl::StatusOr<PolicyVersion> Approve(const ChangeRequest& request, int64_t version,
                                        std::string_view etag);
  // FAILED_PRECONDITION, reason NOT_APPROVED (metadata: approvals, needed), BASE_CHANGED.
  absl::StatusOr<PolicyVersion> Activate(const ChangeRequest& request, int64_t version,
                                         std::string_view etag);
  // A copy of `to_version`, which was active once, in force as a new version. 0: of the one that
  // was active before the present one. `etag` of the active version, or empty: whatever it is.
  absl::StatusOr<PolicyVersion> Rollback(const ChangeRequest& request, int64_t to_version,
                                         std::string_view etag);
  // CreateDraft and Activate in one; where the policy in force asks for approvals, only the draft.
  // `etag` of the active version, or empty.
  absl::StatusOr<PutPolicyOutcome> Put(const ChangeRequest& request, const PolicyInput& input,
                                       std::string_view etag);

  // Put within a change that has other parts. Errors are of the field "yaml".
  absl::StatusOr<PolicyPart> PutPart(const OpenChange& change, const PolicyDocument& document);

  // With its YAML. 0: the active one, or the default policy (version 0, state active).
  absl::StatusOr<PolicyVersion> Get(std::string_view org, int64_t version);
  // Newest first, those before `before_version` (0: all), at most `most`.
  absl::StatusOr<std::vector<PolicyVersion>> List(std::string_view org, int64_t before_version,
                                                  size_t most);
  // What a version says, ready for use; 0 as in Get. The same object as long as it is cached.
  absl::StatusOr<LoadedPolicy> Load(std::string_view org, int64_t version);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace quotaplane
