// Whether the ledger still has what a report needs. Retention writes down from when on there are
// entries, sums by hour and sums by day before it drops any (ledger_kept), so that a report over an
// earlier time is refused rather than answered by half.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/reports/plan.h"
#include "libs/sql/database.h"

namespace quotaplane::reports {

// From when on there is all data, µs since the epoch; INT64_MIN: nothing was ever dropped.
struct KeptFrom {
  int64_t entries_us = INT64_MIN;
  int64_t hours_us = INT64_MIN;
  int64_t days_us = INT64_MIN;
};

// What is kept, for as long as the snapshot lasts: from here on retention drops nothing that it can
// see. `session` is the report's own snapshot, and this, or a call of it by others, the first thing
// that runs in it.
absl::StatusOr<KeptFrom> HoldKept(sql::Session& session);

// OK, or OUT_OF_RANGE with reason DATA_DROPPED and `available_from_time`: the message says what is
// missing and from when on there is data.
absl::Status CheckKept(const KeptFrom& kept, const Plan& plan);
// Of what HoldKept finds.
absl::Status CheckKept(sql::Session& session, const Plan& plan);

}  // namespace quotaplane::reports
