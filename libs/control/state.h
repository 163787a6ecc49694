// An org's whole state as one document (libs/config/state_document.h), and back.
//
// Export: the active policy (absent where the org is under the default one), exceptions that are
// requested or approved and have not ended, and keys that are in force, with hashes, never secrets.
// Equal states are equal bytes.
//
// Apply makes the state what the document says, part by part; what it does not name stays. Applied
// twice, the second time changes nothing. Rules (docs/control.md has them for people):
// - Policy: another meaning (fingerprint) than the active version's is a new version, activated
//   unless the active one asks for approvals; then it is a draft, and the same document again finds
//   that draft.
// - Exceptions: an approval is the act of a person, which no document can stand for. One that the
//   database does not have is requested, by the applier; whoever decides on it then is another. One
//   that it has, whatever was decided, stays as it is, and must be what the document says of it.
//   One that has not ended and that the document leaves out is revoked.
// - Keys: one that the database does not have is made with the document's hashes. One that it has
//   takes the document's spec, but its secret is never changed by a document: an old one would come
//   back. One that is in force and that the document leaves out is revoked. One that was revoked
//   stays so.
// - What the document has of the past (ends and expiries that have come) is left out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/config/state_document.h"
#include "libs/control/changed.h"
#include "libs/control/item_codec.h"
#include "libs/sql/database.h"

namespace quotaplane {

// What is needed of the line of policy versions.
class StatePolicies {
 public:
  struct Version {
    int64_t version = 0;
    bool draft = false;  // it waits for approvals
  };
  virtual ~StatePolicies() = default;
  // The org's own active policy; null where it has none.
  virtual absl::StatusOr<std::shared_ptr<const Policy>> Active(sql::Session& session,
                                                               const std::string& org) const = 0;
  // A draft that means the same, if there is one.
  virtual absl::StatusOr<std::optional<int64_t>> DraftOf(sql::Session& session,
                                                         const std::string& org,
                                                         const std::string& fingerprint) const = 0;
  // A new version with this policy, active at once unless the active one asks for approvals. Adds
  // its items to `record`.
  virtual absl::StatusOr<Version> Put(const OpenChange& change,
                                      const std::shared_ptr<const Policy>& policy,
                                      ChangeRecord* record) const = 0;
};

struct StateChange {
  enum class Kind {
    kAdded,
    kRemoved,
    kChanged,
    // The document asks for what cannot be: "keys[abc…]" was revoked, and stays so.
    kLeft,
  };
  Kind kind = Kind::kAdded;
  // "policy.limits[user-month].amount", "exceptions[01j…]", "keys[abc…].team".
  std::string path;
  std::string before;
  std::string after;
  bool counts_anew = false;  // as PolicyChange
};

struct StatePlan {
  // In the order of the document's parts. Empty: the state is what the document says.
  std::vector<StateChange> changes;
  // Where the policy changes: its new version; version 0 in a plan.
  std::optional<StatePolicies::Version> version;
};

// Thread-safe.
class OrgState {
 public:
  // Both must outlive it.
  OrgState(const ItemCodec* codec, const StatePolicies* policies)
      : codec_(codec), policies_(policies) {}

  // In a snapshot of its own.
  absl::StatusOr<std::string> Export(sql::Database& database, const std::string& org,
                                     int64_t now_us) const;

  // What Apply would do, and its errors.
  absl::StatusOr<StatePlan> Plan(sql::Database& database, const ChangeRequest& request,
                                 const StateDocument& document) const;

  // In the transaction of a change: all of it or nothing. INVALID_ARGUMENT, by field: `org` is
  // another than the call's; exceptions and keys that break the rules of ExceptionStore::Request
  // and KeyStore::Create, differ from what the database has under their id, or would change a
  // secret. RESOURCE_EXHAUSTED, TOO_MANY, as those. The record's items are only of what changed.
  absl::StatusOr<Changed<StatePlan>> Apply(const OpenChange& change,
                                           const StateDocument& document) const;

 private:
  const ItemCodec* const codec_;
  const StatePolicies* const policies_;
};

}  // namespace quotaplane
