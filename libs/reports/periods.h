// The periods of a range: hours, days, weeks and months as a zone's clocks show them.
//
// A day is from one midnight to the next: 23 or 25 hours when clocks change, half an hour less or
// more on Lord Howe Island. An hour is a stretch of time with one name and one distance from UTC:
// the hour that clocks repeat is two, and where half an hour is skipped or repeated there are short
// ones. In India hours begin at half past those of UTC.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/reports/query.h"

namespace quotaplane::reports {

inline constexpr size_t kMaxPeriods = 10'000;

// In order, without gaps, from range.from_us to range.to_us: the first and the last may be cut.
// kNone: one. INVALID_ARGUMENT: more than kMaxPeriods. Requires from_us < to_us.
absl::StatusOr<std::vector<Range>> PeriodsOf(const Range& range, Granularity granularity,
                                             absl::TimeZone zone);

}  // namespace quotaplane::reports
