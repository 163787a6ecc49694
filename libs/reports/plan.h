// Where the sums of a range are read from.
//
// There are sums by UTC day and by UTC hour, and the entries themselves. A period is cut into whole
// UTC days, what is left of it into whole UTC hours, and what is left of that is read from the
// entries. So a month in Berlin is its days but for the first and the last, a few hours at both
// ends, and no entries; a day in New York is hours alone; a day in Kolkata is 23 hours and half an
// hour of entries at both ends. Nothing is estimated, whatever the zone and wherever the range
// begins and ends.
#pragma once

#include <cstdint>
#include <vector>

#include "libs/reports/query.h"

namespace quotaplane::reports {

// Part of a period.
struct Slice {
  int64_t period = 0;  // its number
  Range range;

  friend bool operator==(const Slice&, const Slice&) = default;
};

struct Plan {
  std::vector<Slice> days;     // bounds are UTC midnights
  std::vector<Slice> hours;    // bounds are full hours of UTC
  std::vector<Slice> entries;  // any bounds
};

// Each instant of each period is in one slice. `entries_only`: what is asked for is not in the
// sums.
Plan PlanOf(const std::vector<Range>& periods, bool entries_only);

}  // namespace quotaplane::reports
