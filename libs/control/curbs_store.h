// What alerts do to scopes, from the alert to the end: freezes and throttles (libs/policy/curbs.h).
//
// An alert has at most one in force. It ends by itself, which every replica knows from the first
// (Curb::until_us), or earlier by End. What has ended leaves the org's item with the org's next
// curb, or by DropEnded; nothing but its size depends on that.
//
// Writes are parts of a change (changed.h), whose request says the org, who it is, and when; they
// write the item curbs/ORG. The audit log is all that remembers a curb that has ended.
//
// Errors, beside the database's: INVALID_ARGUMENT with every field that breaks a rule; NOT_FOUND;
// RESOURCE_EXHAUSTED, TOO_MANY: kMaxCurbsPerOrg are in force, or kMaxCurbShapes are reached.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/changed.h"
#include "libs/control/item_codec.h"
#include "libs/policy/curbs.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Who makes a change that an alert's rule asks for: "alert:A-17".
std::string AlertActor(int64_t alert);

// Thread-safe.
class CurbStore {
 public:
  explicit CurbStore(const ItemCodec* codec) : codec_(codec) {}

  // In place of the one that the alert has in force, if there is one. It ends after now, at most
  // kMaxAlertActionUs ahead; its scope names each dimension once, at most kMaxPerDimensions, and
  // not the org. Time: that of reading and writing all of the org's, since they are one item.
  absl::StatusOr<Changed<Curb>> Put(const OpenChange& change, const Curb& curb) const;

  // Ends it now. The one that ended. NOT_FOUND: the alert has none in force; it may have ended.
  absl::StatusOr<Changed<Curb>> End(const OpenChange& change, int64_t alert) const;

  // Those of the org that have not ended, in the order of their alerts.
  absl::StatusOr<std::vector<Curb>> List(sql::Session& session, const std::string& org,
                                         int64_t now_us) const;

  // Takes what has ended out of the items of at most 100 orgs, each a change of its own. Returns of
  // how many: call again while that is 100.
  absl::StatusOr<int> DropEnded(sql::Database& database, Changes& changes, int64_t now_us) const;

 private:
  const ItemCodec* const codec_;
};

}  // namespace quotaplane
