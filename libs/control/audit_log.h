// Reading the audit log. Rows are written by Changes alone (change.h), and are never changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/control/audit_chain.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct AuditQuery {
  std::string org;  // empty: the deployment's
  int64_t after_number = 0;
  // Exactly; empty: all. Without these the rows are the whole chain.
  std::string actor;
  std::string action;
  std::string target;
};

// Of a chain, as the log has it written down apart from the rows. All zeros before the first.
struct AuditHead {
  int64_t number = 0;
  std::string hash = std::string(32, '\0');
};

// Thread-safe as its database is. Blocks.
class AuditLog {
 public:
  static constexpr size_t kMaxPageRows = 1'000;

  // `database` has the schema, and must outlive it.
  explicit AuditLog(sql::Database* database) : database_(database) {}

  // The oldest first, at most `most`, and kMaxPageRows.
  absl::StatusOr<std::vector<AuditRow>> Read(const AuditQuery& query, size_t most) const;
  absl::StatusOr<AuditHead> Head(std::string_view org) const;

  // Waits until the org has a row after `after_number` (true), or `deadline` has come (false). Asks
  // the database a few times a second: whoever waits for long, and may be told to stop, waits in
  // portions.
  absl::StatusOr<bool> WaitForRows(std::string_view org, int64_t after_number,
                                   absl::Time deadline) const;

 private:
  sql::Database* const database_;
};

}  // namespace quotaplane
