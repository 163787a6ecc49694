// Writes settled charges into the ledger: entries and rollups, in one transaction, each charge
// once.
//
// A charge is known by (org, reservation id). One that is in the ledger already is left out,
// entries and rollups alike, so that what is handed in twice, by one worker or by two at once,
// counts once.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "libs/admission/refusal_counts.h"
#include "libs/base/hash.h"
#include "libs/ledger/settled_charge.h"
#include "libs/sql/database.h"

namespace quotaplane {

// What names a charge in the ledger.
Digest ChargeKey(std::string_view org, std::string_view reservation_id);

// Which cost center a subject's spend belongs to; empty where none is said.
using CostCenterOf = std::function<std::string(const Subject& subject)>;

struct WriteResult {
  int64_t charges = 0;     // written now
  int64_t entries = 0;     // their lines
  int64_t refusals = 0;    // batches of refusals, written now
  int64_t duplicates = 0;  // were there before, or came twice in this batch
};

// Thread-safe as its database is.
class LedgerWriter {
 public:
  // `database` must outlive it.
  LedgerWriter(sql::Database* database, CostCenterOf cost_center_of);

  // All or nothing, durable when it returns OK. `recorded_at_us` is when it happens, by the local
  // clock. The errors are the database's (libs/sql/database.h): after UNAVAILABLE,
  // DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED and ABORTED the same call may be made again, whatever
  // happened the first time; any other error is one of the charges', and stays.
  absl::StatusOr<WriteResult> Write(std::span<const SettledCharge> charges, int64_t recorded_at_us);
  // The same for what was refused: each batch once. No charge, and no book, knows of it.
  absl::StatusOr<WriteResult> Write(std::span<const RefusalBatch> batches, int64_t recorded_at_us);

 private:
  sql::Database* const database_;
  const CostCenterOf cost_center_of_;
};

}  // namespace quotaplane
