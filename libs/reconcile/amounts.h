// Money, counts and days as they stand in exports. Digits all the way: no price passes through a
// double.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"

namespace quotaplane::reconcile {

struct Money {
  int64_t nano_usd = 0;           // rounded to the nearest
  int64_t rounding_nano_usd = 0;  // of the last digit that was written; a cent at most
};

enum class MoneyUnit { kUsd, kCents };

// A decimal, perhaps with an exponent. INVALID_ARGUMENT says what was expected.
absl::StatusOr<Money> ParseMoney(std::string_view text, MoneyUnit unit);

// A whole number from 0 to 2^53-1, as the public API takes it.
absl::StatusOr<int64_t> ParseCount(std::string_view text);

// The UTC day of "2026-11-01", of a time such as "2026-11-01T00:00:00Z" or "2026-11-01 13:00:00"
// (UTC where it has no offset), or of seconds since the epoch.
absl::StatusOr<absl::CivilDay> ParseDay(std::string_view text);

}  // namespace quotaplane::reconcile
