// Virtual keys' rows in the database: shared by the store and by the whole state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/error.h"
#include "libs/control/item_codec.h"
#include "libs/control/key_store.h"
#include "libs/keys/virtual_key.h"
#include "libs/sql/database.h"

namespace quotaplane {

// `key.state` is not part of it: StateAt.
struct KeyRow {
  StoredKey key;
  SecretHash hash{};
  SecretHash previous_hash{};  // while key.previous_until_us is not 0
};

KeyState StateAt(const KeyRow& row, int64_t now_us);
// With its state, and without an earlier secret whose grace is over.
StoredKey At(KeyRow row, int64_t now_us);

// Files violations of the rules for a spec. `prefix` stands before each field's name.
void CheckKeySpec(const KeySpec& spec, const std::string& prefix,
                  std::vector<FieldViolation>* wrong);

// Those whose id is free; returns the ids that are taken, maybe by another org. A hundred thousand
// take a few seconds.
absl::StatusOr<std::vector<std::string>> InsertFreeKeys(sql::Session& session,
                                                        const std::vector<KeyRow>& rows,
                                                        int64_t number);
// Everything but id, org, author and the time of creation.
absl::Status UpdateKey(sql::Session& session, const KeyRow& row, int64_t number);

absl::StatusOr<std::optional<KeyRow>> ReadKey(sql::Session& session, const std::string& org,
                                              const std::string& id);
// In the order of their ids: at most `count`, from the first after `after`.
absl::StatusOr<std::vector<KeyRow>> ReadKeys(sql::Session& session, const KeyStore::Filter& filter,
                                             const std::string& after, size_t count);
absl::StatusOr<int64_t> CountKeys(sql::Session& session, const std::string& org);

// Without hashes, for the audit log.
std::string KeyJson(const StoredKey& key);
ChangeRecord::ItemWrite KeyItem(const ItemCodec& codec, const KeyRow& row);

}  // namespace quotaplane
