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

// "80%", "12.5%": a share in permille, from `min` to `max`.
absl::StatusOr<int> ParseShare(std::string_view text, int min, int max);

// "90s", "30m", "12h", "2d": µs, from `min_us` to `max_us`, which are whole seconds.
absl::StatusOr<int64_t> ParseDuration(std::string_view text, int64_t min_us, int64_t max_us);

}  // namespace quotaplane
