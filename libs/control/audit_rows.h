// Audit rows, on their way into the database.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/control/audit_chain.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Puts `row` at the end of its org's chain: number and hashes are filled in. The caller holds the
// lock for changes (change.h).
absl::Status AppendAudit(sql::Transaction& transaction, AuditRow row);

// "OK", or "PERMISSION_DENIED ROLE_MISSING".
std::string AuditOutcome(const absl::Status& status);

}  // namespace quotaplane
