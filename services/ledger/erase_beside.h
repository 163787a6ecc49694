// What has people's names in the ledger's database and is not the ledger's: alerts, what they do to
// scopes, and what detectors have learnt.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "libs/ledger/erasure_sql.h"
#include "libs/sql/database.h"

namespace quotaplane {

// An AlsoErase (libs/ledger/erasure.h).
absl::StatusOr<int64_t> EraseBesideLedger(sql::Transaction& transaction, const Person& person);

}  // namespace quotaplane
