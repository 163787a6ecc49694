// Who was erased: names that the ledger must not write any more.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/admission/charge_record.h"
#include "libs/base/hash.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct ErasedUser {
  std::string pseudonym;
  int64_t erased_at_us = 0;
};

// The first statement of a transaction that writes entries: no erasure goes on beside it, so that
// nothing is written under a name that has just been erased. Many writers may hold it at once.
absl::Status LockIdentities(sql::Transaction& transaction);

// What the table erasures knows `user` by.
Digest UserDigest(std::string_view salt, std::string_view org, std::string_view user);

// The salt of this database; empty where nobody was erased yet.
absl::StatusOr<std::string> ReadSalt(sql::Session& session);

// By (org, user).
using ErasedUsers = absl::flat_hash_map<std::pair<std::string, std::string>, ErasedUser>;

// Which of `users`, pairs of org and user, were erased.
absl::StatusOr<ErasedUsers> FindErased(
    sql::Session& session, const std::vector<std::pair<std::string, std::string>>& users);

// When somebody of an org was last erased, by org.
absl::StatusOr<std::map<std::string, int64_t>> LastErasures(sql::Session& session);

// The record without the name: what Erasure does to rows that are in the ledger.
void Pseudonymise(const std::string& pseudonym, ChargeRecord* record);
void Pseudonymise(const std::string& pseudonym, Subject* subject);

// The subject of a pseudonym's charge as it was before (but for its reservation id): what counters
// knew it by.
Subject WithName(const std::string& pseudonym, const std::string& user, Subject subject);

// `text` with every `from` replaced. `from` is not empty.
std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to);

}  // namespace quotaplane
