// Drops what the ledger need not keep any longer: raw entries by whole months, sums by whole days,
// both of UTC, of all orgs.
//
// From when on there is data is written down first (ledger_kept), and whoever reads an earlier time
// is told so: a report never counts what is half gone. Keys of charges are kept as long as their
// entries and at least kKeyDays, so that a replay is not charged again: what waits longer than that
// in an outbox or a spool is charged twice if it had been charged before. The audit is kept.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "libs/policy/policy.h"
#include "libs/sql/database.h"

namespace quotaplane {

inline constexpr int kKeyDays = 90;

// From when on there is all data, µs since the epoch; INT64_MIN: nothing was ever dropped.
struct Kept {
  int64_t entries_from_us = INT64_MIN;  // start of a month
  int64_t hours_from_us = INT64_MIN;    // start of a day
  int64_t days_from_us = INT64_MIN;     // start of a day
};

absl::StatusOr<Kept> ReadKept(sql::Session& session);

struct Dropped {
  Kept kept;            // afterwards
  int64_t months = 0;   // PostgreSQL: partitions of entries
  int64_t entries = 0;  // deleted one by one
  int64_t hours = 0;    // rows of sums
  int64_t days = 0;
  int64_t keys = 0;
  int64_t refusals = 0;  // which are kept as long as entries

  bool anything() const { return months + entries + hours + days + keys + refusals > 0; }
};

// Thread-safe as its database is; several may run at once.
class Retention {
 public:
  // `database` must outlive it.
  explicit Retention(sql::Database* database) : database_(database) {}

  // Drops what is older than `ages` (of the policy) by the local clock, in short transactions.
  // Killed or failed in between, the next run goes on. What moves a bound is audited as `actor`.
  // INVALID_ARGUMENT: an age that the policy's reader would refuse. PostgreSQL: a month that a long
  // report is reading stays until a later run (DEADLINE_EXCEEDED, after everything else was done).
  // Others are the database's.
  absl::StatusOr<Dropped> Run(const RetentionAges& ages, int64_t now_us, std::string_view actor);

 private:
  sql::Database* const database_;
};

}  // namespace quotaplane
