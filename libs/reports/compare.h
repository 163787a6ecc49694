// Two ranges side by side.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/reports/query.h"

namespace quotaplane::reports {

struct Comparison {
  std::vector<std::string> group;
  bool others = false;
  Measures base;
  Measures current;
  int64_t cost_change_nano_usd = 0;
  // Of the base's cost, rounded towards zero; absent where that is 0.
  std::optional<int64_t> cost_change_millionths;
  int64_t requests_change = 0;
  int64_t denied_change = 0;
};

struct ComparisonReport {
  std::vector<Comparison> rows;
  Comparison total;
};

// `part` of `whole` in millionths, rounded towards zero and held at the ends of int64; nullopt
// where `whole` is 0.
std::optional<int64_t> Millionths(int64_t part, int64_t whole);

// Of sums with one period each. The `top` (at least 1) groups whose cost changed most come first,
// by the size of the change, ties by group; then, if there are more, all others together.
// OUT_OF_RANGE: a sum or a difference does not fit.
absl::StatusOr<ComparisonReport> Compare(const Sums& base, const Sums& current, size_t top);

}  // namespace quotaplane::reports
