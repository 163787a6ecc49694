// The reports that are answered at once. Each reads one snapshot of the ledger.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/reports/compare.h"
#include "libs/reports/query.h"
#include "libs/sql/database.h"

namespace quotaplane::reports {

// Errors are those of PeriodsOf, ReadSums and Rank.
absl::StatusOr<UsageReport> QueryUsage(sql::Database& ledger, const UsageQuery& query);

// `selection` with `base` in place of its range, against `selection`. Errors are those of ReadSums
// and Compare.
absl::StatusOr<ComparisonReport> ComparePeriods(sql::Database& ledger, const Selection& selection,
                                                const Range& base,
                                                const std::vector<Dimension>& group_by, size_t top);

}  // namespace quotaplane::reports
