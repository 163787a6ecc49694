// Who changed the ledger's past, when and how: rows of ledger_audit, written in the transaction
// that they tell of, never changed and never dropped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct AuditRecord {
  int64_t at_us = 0;  // by the local clock
  std::string actor;
  std::string action;  // "adjust", "rerate", "erase_user", "retention"
  std::string org;     // empty: all
  // A JSON object of strings. Names no person that was erased.
  std::string detail;
};

// A detail of `fields`, in order.
std::string AuditDetail(const std::vector<std::pair<std::string, std::string>>& fields);

absl::Status WriteAudit(sql::Session& session, const AuditRecord& record);

// Those of the org (and of all orgs together) from `from_us` to before `to_us`, newest first, at
// most `most`.
absl::StatusOr<std::vector<AuditRecord>> ReadAudit(sql::Session& session, std::string_view org,
                                                   int64_t from_us, int64_t to_us, int most);

}  // namespace quotaplane
