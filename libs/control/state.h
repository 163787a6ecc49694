// An org's whole state as one document (libs/config/state_document.h), and back.
//
// Export: the active policy (absent where the org is under the default one), exceptions that are
// requested or approved and have not ended, and keys that are in force, with hashes, never secrets.
// Equal states are equal bytes.
//
// Apply makes the state what the document says, part by part; what it does not name stays. Applied
// twice, the second time changes nothing. Rules (docs/control.md has them for people):
// - Policy: another document than the active version's is a new version, in force at once unless
//   the one in force asks for approvals; then it is a draft, and the same document again finds that
//   draft.
// - Exceptions: an approval is the act of a person, which no document can stand for. One that the
//   database does not have is requested, by the applier; whoever approves it is another. One that
//   it has stays as it was decided, and must be what the document says of it. One that has not
//   ended and that the document leaves out is revoked.
// - Keys: one that the database does not have is made with the document's hashes. One that it has
//   takes what the document says of it, but never another secret: an old one would come back. One
//   that is in force and that the document leaves out is revoked. One that was revoked stays so.
// - What the database does not have and is over already, by its end or expiry, is not made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/config/state_document.h"
#include "libs/control/changed.h"
#include "libs/control/item_codec.h"
#include "libs/control/policy_versions.h"
#include "libs/sql/database.h"

namespace quotaplane {

inline constexpr size_t kMaxStateChanges = 10'000;  // that are listed

struct StateChange {
  enum class Kind {
    kAdded,
    kRemoved,
    kChanged,
    // The document asks for what cannot be, such as a key that was revoked: it stays as `before`
    // says.
    kLeft,
  };
  Kind kind = Kind::kAdded;
  // "policy.limits[user-month].amount", "exceptions[01j…]", "keys[abc…].team".
  std::string path;
  std::string before;
  std::string after;
  bool counts_anew = false;  // as PolicyChange

  friend bool operator==(const StateChange&, const StateChange&) = default;
};

struct StatePlan {
  // In the order of the document's parts; at most kMaxStateChanges. None but kLeft: the state is
  // what the document says.
  std::vector<StateChange> changes;
  int64_t unlisted = 0;
  // Where the policy changes: its new version, or the draft that waits already.
  std::optional<PolicyVersion> version;
};

// Thread-safe.
class OrgState {
 public:
  // Both must outlive it.
  OrgState(const ItemCodec* codec, PolicyVersions* policies) : codec_(codec), policies_(policies) {}

  // In a snapshot of its own. RESOURCE_EXHAUSTED, TOO_MANY: it is more than a document may be.
  absl::StatusOr<std::string> Export(sql::Database& database, const std::string& org,
                                     int64_t now_us) const;

  // What Apply would do, and its errors: it is done, and rolled back.
  absl::StatusOr<StatePlan> Plan(sql::Database& database, const ChangeRequest& request,
                                 const StateDocument& document) const;

  // As a part of a change: all of it or nothing. INVALID_ARGUMENT, by field: `org` is another than
  // the call's; exceptions and keys that break the rules of ExceptionStore::Request (but for what
  // the policy says) and KeyStore::Create, differ from what the database has under their id, or
  // would change a secret. RESOURCE_EXHAUSTED, TOO_MANY, as those.
  absl::StatusOr<Changed<StatePlan>> Apply(const OpenChange& change,
                                           const StateDocument& document) const;

 private:
  const ItemCodec* const codec_;
  PolicyVersions* const policies_;
};

}  // namespace quotaplane
