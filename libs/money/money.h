// Money: int64 nano-USD (1e-9 USD), exact. No floating point anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace quotaplane {

inline constexpr int64_t kNanoPerUsd = 1'000'000'000;

// "12", "0.25", "-3.50": an exact decimal with at most 9 places after the point (more only if they
// are zeros), an optional sign, digits on both sides of a point, no exponent, no blanks.
// OUT_OF_RANGE past int64, INVALID_ARGUMENT otherwise. libs/money/decimal.h reads the general form.
absl::StatusOr<int64_t> ParseUsd(std::string_view text);

// "57.868362" for 57868362000: no trailing zeros, at least two decimals ("3.00", "-0.50"). ParseUsd
// reads it back.
std::string FormatUsd(int64_t nano_usd);

// What `units` cost at `nano_usd_per_million`: rounded up to the next nano, 128-bit in between.
// nullopt where the result overflows int64 or an argument is negative (there is no such usage and
// no such price).
std::optional<int64_t> LineCost(int64_t units, int64_t nano_usd_per_million);

// a + b, nullopt on overflow.
std::optional<int64_t> CheckedAdd(int64_t a, int64_t b);

}  // namespace quotaplane
