// Whether the ledger still has what a report needs. Retention writes down from when on there are
// entries, sums by hour and sums by day before it drops any (ledger_kept), so that a report over an
// earlier time is refused rather than answered by half.
#pragma once

#include "absl/status/status.h"
#include "libs/reports/plan.h"
#include "libs/sql/database.h"

namespace quotaplane::reports {

// OK, or OUT_OF_RANGE with reason DATA_DROPPED and `available_from_time`: the message says what is
// missing and from when on there is data. `session` is the report's own snapshot, and has run
// nothing before this but this: from here on retention drops nothing that it can see.
absl::Status CheckKept(sql::Session& session, const Plan& plan);

}  // namespace quotaplane::reports
