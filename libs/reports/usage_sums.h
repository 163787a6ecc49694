// Reads the sums of a usage report from the ledger.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/reports/query.h"
#include "libs/sql/database.h"

namespace quotaplane::reports {

// Of one report: periods times groups.
inline constexpr size_t kMaxSums = 100'000;

// The sums of each group in each of `periods`; those without usage and refusals are left out. All
// statements run in `session`, which should be one snapshot: rollups and entries are read one after
// the other. RESOURCE_EXHAUSTED with reason REPORT_TOO_LARGE: more than kMaxSums. OUT_OF_RANGE: a
// sum does not fit; or, with reason DATA_DROPPED, retention has dropped a part (kept.h). Others are
// the database's.
absl::StatusOr<Sums> ReadSums(sql::Session& session, const Selection& selection,
                              const std::vector<Dimension>& group_by,
                              const std::vector<Range>& periods);

// The same of what was used and corrected: `denied` means nothing, and groups that were only
// refused, of which anybody can make any number, are left out.
absl::StatusOr<Sums> ReadUsedSums(sql::Session& session, const Selection& selection,
                                  const std::vector<Dimension>& group_by,
                                  const std::vector<Range>& periods);

}  // namespace quotaplane::reports
