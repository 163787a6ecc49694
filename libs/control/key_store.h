// Virtual keys as the control plane keeps them: the key itself (libs/keys/virtual_key.h), what
// people know it by, and what became of it.
//
// A secret is made here and returned once, beside what is written: neither rows nor items, audit
// rows nor answers have it, and audit rows have no hashes either.
//
// A key that was revoked or has expired keeps its item for kKeepEndedUs. It settles what was spent
// with it for a part of that time (kSettleUs, libs/keys/key_ring.h); then whoever comes with it is
// told why it is refused, and an expired one may be prolonged. Then DropEnded takes item and row
// away; the audit log remembers it. Revocation is for good; an expired key may be given a later
// expiry meanwhile.
//
// Writes are parts of a change (changed.h) and write items key/ID. Errors, beside the
// database's: INVALID_ARGUMENT with every field that breaks a rule; NOT_FOUND; ABORTED,
// ETAG_MISMATCH; FAILED_PRECONDITION, WRONG_STATE (metadata `state`); RESOURCE_EXHAUSTED, TOO_MANY.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/changed.h"
#include "libs/control/item_codec.h"
#include "libs/keys/virtual_key.h"
#include "libs/sql/database.h"

namespace quotaplane {

inline constexpr size_t kMaxKeysPerOrg = 1'000'000;
inline constexpr size_t kMaxKeyModels = 64;
inline constexpr int64_t kMaxKeyGraceUs = int64_t{30} * 24 * 3600 * 1'000'000;
inline constexpr int64_t kKeepEndedUs = int64_t{30} * 24 * 3600 * 1'000'000;

enum class KeyState { kActive, kExpired, kRevoked };
std::string_view KeyStateName(KeyState state);  // "ACTIVE", …

// What can be chosen, and changed later.
struct KeySpec {
  std::string display_name;  // may be empty; values as subjects' (CheckValue)
  std::string team;
  std::string project;
  std::string user;
  std::vector<std::string> models;  // globs; at most kMaxKeyModels
  int64_t expires_at_us = 0;        // 0: never

  friend bool operator==(const KeySpec&, const KeySpec&) = default;
};

struct StoredKey {
  std::string org;
  std::string id;
  KeyState state = KeyState::kActive;
  KeySpec spec;
  std::string author;
  int64_t created_at_us = 0;
  int64_t rotated_at_us = 0;      // 0: never
  int64_t previous_until_us = 0;  // 0: no earlier secret is good
  std::string revoked_by;         // empty: nobody
  int64_t revoked_at_us = 0;
  std::string etag;
};

struct KeyWithSecret {
  StoredKey key;
  std::string secret;  // qpk_ID_SECRET, to be shown once
};

// Which parts of a spec an update changes.
struct KeyUpdate {
  std::optional<std::string> display_name;
  std::optional<std::string> team;
  std::optional<std::string> project;
  std::optional<std::string> user;
  std::optional<std::vector<std::string>> models;
  std::optional<int64_t> expires_at_us;
};

// Thread-safe.
class KeyStore {
 public:
  explicit KeyStore(const ItemCodec* codec) : codec_(codec) {}

  absl::StatusOr<Changed<KeyWithSecret>> Create(const OpenChange& change,
                                                const KeySpec& spec) const;
  // Of an active or expired key. INVALID_ARGUMENT, `update_mask`: the update has no part.
  absl::StatusOr<Changed<StoredKey>> Update(const OpenChange& change, const std::string& id,
                                            const std::string& etag, const KeyUpdate& update) const;
  // Of an active key. The secret before stays good for `grace_us`, 0 to kMaxKeyGraceUs, and settles
  // what was spent with it for kSettleUs more; the one before that does neither.
  absl::StatusOr<Changed<KeyWithSecret>> Rotate(const OpenChange& change, const std::string& id,
                                                const std::string& etag, int64_t grace_us) const;
  // Of an active or expired key. An empty etag: whatever it is.
  absl::StatusOr<Changed<StoredKey>> Revoke(const OpenChange& change, const std::string& id,
                                            const std::string& etag) const;

  absl::StatusOr<StoredKey> Get(sql::Session& session, const std::string& org,
                                const std::string& id, int64_t now_us) const;
  // Those with these values; empty: all.
  struct Filter {
    std::string org;
    std::string user = {};
    std::string team = {};
    std::string project = {};
  };
  // In the order of their ids: at most `count`, from the first after `after`.
  absl::StatusOr<std::vector<StoredKey>> List(sql::Session& session, const Filter& filter,
                                              const std::string& after, size_t count,
                                              int64_t now_us) const;

  // Takes keys away that ended kKeepEndedUs ago, at most 1,000, as changes of their orgs. Returns
  // how many: call again while that is 1,000.
  absl::StatusOr<int> DropEnded(sql::Database& database, Changes& changes, int64_t now_us) const;

 private:
  const ItemCodec* const codec_;
};

}  // namespace quotaplane
