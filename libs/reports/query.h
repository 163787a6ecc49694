// A report's question and its answer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/reports/dimension.h"
#include "libs/reports/measures.h"

namespace quotaplane::reports {

// Microseconds since the epoch: from inclusive, to exclusive.
struct Range {
  int64_t from_us = 0;
  int64_t to_us = 0;

  friend bool operator==(const Range&, const Range&) = default;
};

// Keeps what equals one of `values` (the empty string: has none), or has some and matches one of
// `globs` (`*` any run, `?` one character).
struct Filter {
  Dimension dimension;
  std::vector<std::string> values;
  std::vector<std::string> globs;
};

// What every kind of report has: whose usage, when, and which part of it.
struct Selection {
  std::string org;
  Range range;
  std::vector<Filter> filters;  // all have to hold
};

enum class Granularity { kNone, kHour, kDay, kWeek, kMonth };

struct Order {
  enum class By { kCost, kRequests, kDenied, kOverrun, kTokens, kQuantity, kGroup };
  By by = By::kCost;
  std::string meter;  // kQuantity only
  bool descending = true;
};

struct UsageQuery {
  Selection selection;
  absl::TimeZone zone = absl::UTCTimeZone();
  std::vector<Dimension> group_by;
  Granularity granularity = Granularity::kNone;
  Order order;
  int top = 0;  // groups; 0: all
};

struct UsageRow {
  Range period;
  std::vector<std::string> group;  // as group_by; empty for `others`
  bool others = false;             // all groups past the first `top`
  Measures measures;
};

struct UsageReport {
  std::vector<UsageRow> rows;
  Measures total;
};

// Measures by period (its number) and group.
using Sums = std::map<std::pair<int64_t, std::vector<std::string>>, Measures>;

}  // namespace quotaplane::reports
