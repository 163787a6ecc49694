// Decimal text <-> scaled integers, digit by digit. What money and prices are read with, so that no
// price ever passes through a double: 5.46875e-07 USD per token is 546875000 nano-USD per million
// tokens, not the nearest binary fraction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace quotaplane {

struct ScaledDecimal {
  int64_t value = 0;  // the number times 10^places, rounded towards plus infinity
  bool exact = true;  // false if rounding changed it
};

// Reads `text` ([+-]digits[.digits][(e|E)[+-]digits]) and scales it by 10^`places` (0 to 18).
// INVALID_ARGUMENT if it is not such a number ("nan", "1.", ".5", "0x1", blanks), OUT_OF_RANGE if
// it does not fit int64. Time and memory are bounded by the length of `text`, whatever the exponent
// says.
absl::StatusOr<ScaledDecimal> ParseDecimal(std::string_view text, int places);

// `value` / 10^`places` (0 to 18) without trailing zeros but with at least `min_decimals` (<=
// places) of them.
std::string FormatDecimal(int64_t value, int places, int min_decimals);

}  // namespace quotaplane
