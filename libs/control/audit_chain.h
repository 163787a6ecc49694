// The audit log's chain: each row's hash is over the row and the hash of the row before, so that a
// row that was changed, removed, inserted or moved breaks every hash from there on.
//
//   hash = BLAKE2b-256 over "quotaplane audit 1", previous_hash, org, number, at_us, actor, action,
//          target, outcome, reason, address, before, after
//
// each preceded by its length in bytes, as 4 bytes, little endian; numbers are 8 bytes, little
// endian.
// The first row's previous hash is 32 zero bytes. Rows removed from the end leave an intact chain:
// that is found by comparing with the last number and hash, which the log keeps apart, and which an
// auditor writes down elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace quotaplane {

struct AuditRow {
  std::string org;  // empty: the deployment's
  int64_t number = 0;
  int64_t at_us = 0;
  std::string actor;
  std::string action;
  std::string target;
  std::string outcome;  // "OK", or "PERMISSION_DENIED ROLE_MISSING"
  std::string reason;
  std::string address;
  std::string before;
  std::string after;
  std::string previous_hash;  // 32 bytes
  std::string hash;

  friend bool operator==(const AuditRow&, const AuditRow&) = default;
};

std::string AuditHash(const AuditRow& row);  // over everything but `hash`

// Follows a chain row by row, from its first, or from where an earlier check ended.
class AuditCheck {
 public:
  AuditCheck() = default;
  AuditCheck(int64_t last_number, std::string last_hash);

  // Null: the row follows. Otherwise what is wrong, and the row counts as not seen: "row 17 follows
  // row 15: row 16 is missing", "row 17 was changed: its content does not have its hash".
  std::optional<std::string> Next(const AuditRow& row);
  int64_t last_number() const { return last_number_; }
  const std::string& last_hash() const { return last_hash_; }

 private:
  int64_t last_number_ = 0;
  std::string last_hash_ = std::string(32, '\0');
};

}  // namespace quotaplane
