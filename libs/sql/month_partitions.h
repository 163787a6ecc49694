// Partitions of the ledger's entries, one for each month in UTC.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/sql/database.h"

namespace quotaplane::sql {

inline constexpr int kMaxMonthsAtOnce = 240;

// The start of the month in UTC that `time_us` is in. Both are µs since the epoch, within the years
// 1 to 9999.
int64_t StartOfMonthUs(int64_t time_us);

// Makes what is missing of the months from that of `from_us` to that of `to_us`, both included, as
// tables ledger_entries_YYYY_MM. Does nothing in SQLite, and takes no lock where nothing is
// missing. May run anywhere at the same time, beside readers and writers. INVALID_ARGUMENT:
// reversed, more than kMaxMonthsAtOnce months; or the default partition has rows of such a month
// (SQLSTATE 23514).
absl::Status EnsureMonthPartitions(Database& database, int64_t from_us, int64_t to_us);

// Drops the partitions of months that end at `before_us` or earlier; returns how many. Each in a
// transaction of its own, which waits at most two seconds for those that read the ledger: a month
// that a long report keeps busy stays (DEADLINE_EXCEEDED), with those after it. Rows of such a time
// in the default partition are not touched. Nothing to do in SQLite.
absl::StatusOr<int64_t> DropMonthPartitions(Database& database, int64_t before_us);

}  // namespace quotaplane::sql
