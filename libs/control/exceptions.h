// Exceptions: raises of limits for one scope and time, from request to end.
//
// Decided states are rows'; what time makes of them is worked out when they are read:
//
//   REQUESTED ──► SCHEDULED ──► ACTIVE ──► EXPIRED      its end has come; also of one that nobody
//       │ │            │           │                    decided on
//       │ └► DENIED    └───────────┴──► REVOKED
//       └──────────────────────────────► REVOKED        withdrawn
//
// An end needs nobody: replicas know it from the first (Raise::until_us). What has ended leaves the
// org's item with the org's next exception, or by DropEnded; nothing but its size depends on that.
//
// Writes are parts of a change (changed.h), whose request says the org, who it is, and when; they
// write the item raises/ORG.
//
// Errors, beside the database's: INVALID_ARGUMENT with every field that breaks a rule; NOT_FOUND;
// ABORTED, ETAG_MISMATCH; FAILED_PRECONDITION, WRONG_STATE (metadata `state`); PERMISSION_DENIED,
// OWN_CHANGE; RESOURCE_EXHAUSTED, TOO_MANY.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/changed.h"
#include "libs/control/item_codec.h"
#include "libs/policy/policy.h"
#include "libs/sql/database.h"

namespace quotaplane {

enum class ExceptionState { kRequested, kDenied, kScheduled, kActive, kExpired, kRevoked };
std::string_view ExceptionStateName(ExceptionState state);  // "REQUESTED", …

struct LimitRaise {
  std::string limit_id;
  int64_t amount = 0;  // total, in the limit's unit
  // Of which dimensions of the scope, in order: the limit's `per`, as it was when this was
  // requested. Not read from a request.
  std::vector<std::string> per = {};

  friend bool operator==(const LimitRaise&, const LimitRaise&) = default;
};

inline constexpr size_t kMaxLimitRaises = 20;  // of one exception
inline constexpr int64_t kMaxExceptionUs = int64_t{366} * 24 * 3600 * 1'000'000;
// Of an org, that nobody has decided on and that have not ended.
inline constexpr size_t kMaxOpenRequests = 10'000;

// What is asked for.
struct ExceptionSpec {
  // A value for each dimension that any of the limits has in its `per`, by its name ("user"), and
  // for no other.
  std::map<std::string, std::string> scope;
  std::vector<LimitRaise> raises;   // 1 to kMaxLimitRaises, each of another limit
  std::optional<int64_t> start_us;  // absent: once it is approved
  int64_t end_us = 0;               // after start and now, at most kMaxExceptionUs ahead
  std::string reason;               // not empty

  friend bool operator==(const ExceptionSpec&, const ExceptionSpec&) = default;
};

struct Exception {
  std::string org;
  std::string id;  // 26 characters that sort by when it was requested
  ExceptionState state = ExceptionState::kRequested;
  ExceptionSpec spec;
  std::string requester;
  int64_t requested_at_us = 0;
  std::string decider;  // empty: nobody yet
  int64_t decided_at_us = 0;
  std::string decide_comment;
  std::string revoked_by;  // empty: nobody
  int64_t revoked_at_us = 0;
  std::string etag;

  // From when on it holds: its start, or where it has none its approval; nullopt before that.
  std::optional<int64_t> FromUs() const;
};

// Thread-safe.
class ExceptionStore {
 public:
  explicit ExceptionStore(const ItemCodec* codec) : codec_(codec) {}

  // `policy` is what the org is under: every limit is one of it, and gets more than it gives the
  // scope now. Were it to change meanwhile, a raise of a limit that is gone changes nothing.
  absl::StatusOr<Changed<Exception>> Request(const OpenChange& change, const ExceptionSpec& spec,
                                             const Policy& policy) const;

  struct Decision {
    std::string id;
    std::string etag;     // as last read
    std::string comment;  // of a decision; a revocation's stands in the audit log alone
  };
  // Not by the requester. Of what is REQUESTED. TOO_MANY: kMaxRaisesPerOrg are in force.
  absl::StatusOr<Changed<Exception>> Approve(const OpenChange& change,
                                             const Decision& decision) const;
  absl::StatusOr<Changed<Exception>> Deny(const OpenChange& change, const Decision& decision) const;
  // Ends it now; by anyone, also its requester. Of what is REQUESTED, SCHEDULED or ACTIVE.
  absl::StatusOr<Changed<Exception>> Revoke(const OpenChange& change,
                                            const Decision& decision) const;

  absl::StatusOr<Exception> Get(sql::Session& session, const std::string& org,
                                const std::string& id, int64_t now_us) const;

  struct Filter {
    std::string org;
    std::vector<ExceptionState> states = {};  // empty: all
  };
  // Newest first: at most `count`, of those older than `after` (an id; empty: from the newest).
  absl::StatusOr<std::vector<Exception>> List(sql::Session& session, const Filter& filter,
                                              const std::string& after, size_t count,
                                              int64_t now_us) const;

  // Takes what has ended out of the items of at most 100 orgs, each a change of its own. Returns of
  // how many: call again while that is 100.
  absl::StatusOr<int> DropEnded(sql::Database& database, Changes& changes, int64_t now_us) const;

 private:
  const ItemCodec* const codec_;
};

}  // namespace quotaplane
