// From settled charges to rows: the entries of each, and the sums that rollups add.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "libs/base/hash.h"
#include "libs/ledger/settled_charge.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Batches for the ledger's tables. They view into the charges that were added, which must outlive
// them unchanged. Not thread-safe.
class LedgerRows {
 public:
  explicit LedgerRows(int64_t recorded_at_us);

  // One entry for each line; a charge without usage is one entry without a meter, so that it counts
  // as a request. What belongs to the whole charge (hold, overrun, the request) stands on its first
  // entry.
  void Add(const SettledCharge& charge, const Digest& key, std::string cost_center);

  const sql::Batch& entries() const { return entries_; }
  const sql::Batch& rollup_hour() const { return rollup_hour_; }
  const sql::Batch& rollup_day() const { return rollup_day_; }

 private:
  void AddEntry(const SettledCharge& charge, std::string_view key, const ChargeLine& line,
                int index, std::string_view cost_center, std::string_view labels);
  void AddToRollup(sql::Batch* rollup, int64_t bucket_us, const SettledCharge& charge,
                   const ChargeLine& line, int index, std::string_view cost_center);
  std::string_view Keep(std::string text);

  const int64_t recorded_at_us_;
  std::deque<std::string> kept_;  // does not move what it holds
  sql::Batch entries_;
  sql::Batch rollup_hour_;
  sql::Batch rollup_day_;
};

// The columns that usage has, in their order; corrections have more.
std::vector<sql::Column> EntryColumns();
// An empty batch for rollup_hour or rollup_day: the key, then quantity, cost, requests, overrun.
sql::Batch RollupBatch(std::string_view table);
inline constexpr size_t kRollupKeyColumns = 8;

// The start of the hour, and of the day, in UTC.
int64_t HourOf(int64_t time_us);
int64_t DayOf(int64_t time_us);

// "standard", "batch", "priority", "flex": as the ledger spells it.
std::string_view TierName(ServiceTier tier);

// A JSON object of strings, keys in order; "{}" where there are none.
std::string LabelsJson(const std::vector<std::pair<std::string, std::string>>& labels);

}  // namespace quotaplane
