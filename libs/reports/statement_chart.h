// The chart of a statement's page: each day's cost as a stacked bar, in SVG.
#pragma once

#include <cstddef>
#include <string>

#include "libs/reports/statement_groups.h"

namespace quotaplane::reports {

// How many parts a bar has beside "all others": as many as eyes tell apart.
inline constexpr size_t kMaxSeries = 6;

// An <svg> element and its legend, with classes that the page styles. `unnamed` is what the empty
// name is called. All coordinates are integers: the same everywhere.
std::string DayChart(const DaySeries& series, const std::string& unnamed);

}  // namespace quotaplane::reports
