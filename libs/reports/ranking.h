// From sums to a report's rows: their order, the first groups, and all others together.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/reports/query.h"

namespace quotaplane::reports {

// Rows by period, then in `order`, ties by group; in each period the row of the others comes last.
// The first `top` groups (0: all) are those by their sums over all periods. OUT_OF_RANGE: a sum
// does not fit.
absl::StatusOr<UsageReport> Rank(Sums sums, const std::vector<Range>& periods, const Order& order,
                                 int top);

}  // namespace quotaplane::reports
