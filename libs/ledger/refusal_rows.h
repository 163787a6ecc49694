// From batches of refusals to rows: what was refused, and the sums that rollups add.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "libs/admission/refusal_counts.h"
#include "libs/base/hash.h"
#include "libs/sql/database.h"

namespace quotaplane {

// What names a batch in the ledger.
Digest RefusalBatchKey(const RefusalBatch& batch);

// Batches for the ledger's tables. They view into the refusals that were added, which must outlive
// them unchanged. Not thread-safe.
class RefusalRows {
 public:
  explicit RefusalRows(int64_t recorded_at_us);

  void Add(const RefusalLine& line, int index, std::string_view batch_key,
           std::string_view cost_center);
  // Of a line whose batch the ledger did not have. The empty meter's rows: what was refused used
  // none.
  void AddToRollups(const RefusalLine& line, std::string_view cost_center);

  const sql::Batch& refusals() const { return refusals_; }
  const sql::Batch& rollup_hour() const { return rollup_hour_; }
  const sql::Batch& rollup_day() const { return rollup_day_; }

 private:
  const int64_t recorded_at_us_;
  std::deque<std::string> labels_;  // does not move what it holds
  sql::Batch refusals_;
  sql::Batch rollup_hour_;
  sql::Batch rollup_day_;
};

}  // namespace quotaplane
