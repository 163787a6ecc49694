// A statement's usage by team, by model and by day: what its page shows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/reports/statement.h"

namespace quotaplane::reports {

struct GroupSum {
  std::string name;    // empty: without one
  int64_t groups = 1;  // more than one: all others together
  int64_t cost_nano_usd = 0;
  int64_t requests = 0;
  int64_t tokens = 0;
};

// Of the month's usage lines; the largest cost first, ties by name; past `most` groups, the others
// are one. OUT_OF_RANGE: a sum does not fit.
absl::StatusOr<std::vector<GroupSum>> GroupUsage(const Lines& lines, std::string LineKey::*by,
                                                 size_t most);

// What each day cost, and the parts of that, for the chart.
struct DaySeries {
  std::vector<std::string> names;           // as GroupUsage has them: series[i] is of names[i]
  bool others = false;                      // the last series is all others together
  std::vector<std::string> days;            // every day of the month, in order
  std::vector<std::vector<int64_t>> costs;  // [series][day]; what is below 0 counts as 0
};
// At most `most` series and the others. OUT_OF_RANGE: a day's sum does not fit.
absl::StatusOr<DaySeries> SeriesOf(const DayCosts& days, const std::string& month, size_t most);

}  // namespace quotaplane::reports
