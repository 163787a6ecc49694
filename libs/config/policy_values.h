// Single values of a policy, from text: for its YAML, and for edits that come in parts.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// Errors are INVALID_ARGUMENT and say what would be right: "must be …, not …".

// For usd an exact decimal with at most 9 places, for other units a whole number; 0 to kMaxAmount.
absl::StatusOr<int64_t> ParseAmount(std::string_view text, const Unit& unit);

// A zone of the IANA database.
absl::StatusOr<absl::TimeZone> ParseTimeZone(std::string_view name);

}  // namespace quotaplane
