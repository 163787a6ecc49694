// What reports group and filter by.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace quotaplane::reports {

enum class Field { kTeam, kProject, kUser, kModel, kMeter, kCostCenter, kApiKey, kLabel };

struct Dimension {
  Field field = Field::kTeam;
  std::string label;  // kLabel only

  friend auto operator<=>(const Dimension&, const Dimension&) = default;
};

// "team", "project", "user", "model", "meter", "cost_center", "api_key", or "labels.NAME" with NAME
// [a-z][a-z0-9_]{0,62}. INVALID_ARGUMENT otherwise, with the names there are.
absl::StatusOr<Dimension> ParseDimension(std::string_view text);
// What ParseDimension reads.
std::string ToString(const Dimension& dimension);

// Whether the sums by hour and day have it; if not, only the entries do.
bool InRollups(const Dimension& dimension);

// Its column, the same in the rollups and in the entries. Not for labels, which are one column.
std::string_view ColumnOf(Field field);

}  // namespace quotaplane::reports
