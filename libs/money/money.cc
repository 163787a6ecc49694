#include "libs/money/money.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/money/decimal.h"

namespace quotaplane {
namespace {

constexpr int kNanoPlaces = 9;
constexpr int64_t kUnitsPerPrice = 1'000'000;

}  // namespace

absl::StatusOr<int64_t> ParseUsd(std::string_view text) {
  constexpr size_t kShown = 40;
  absl::StatusOr<ScaledDecimal> usd = ParseDecimal(text, kNanoPlaces);
  if (absl::IsInvalidArgument(usd.status())) return usd.status();
  if (text.find_first_of("eE") != std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("\"", AbslView(text.substr(0, kShown)),
                                                   "\" has an exponent; write the decimal out"));
  }
  if (!usd.ok()) return usd.status();
  if (!usd->exact) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", AbslView(text.substr(0, kShown)),
                     "\" has more than 9 decimals; a nano-USD is the smallest amount"));
  }
  return usd->value;
}

std::string FormatUsd(int64_t nano_usd) { return FormatDecimal(nano_usd, kNanoPlaces, 2); }

std::optional<int64_t> LineCost(int64_t units, int64_t nano_usd_per_million) {
  if (units < 0 || nano_usd_per_million < 0) return std::nullopt;
  // Most calls fit 64 bits, and a 128-bit division is a library call.
  int64_t product;
  if (!__builtin_mul_overflow(units, nano_usd_per_million, &product)) {
    return product / kUnitsPerPrice + (product % kUnitsPerPrice != 0);
  }
  const auto wide = static_cast<__int128>(units) * nano_usd_per_million;
  const __int128 cost = (wide + kUnitsPerPrice - 1) / kUnitsPerPrice;
  if (cost > std::numeric_limits<int64_t>::max()) return std::nullopt;
  return static_cast<int64_t>(cost);
}

std::optional<int64_t> CheckedAdd(int64_t a, int64_t b) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

}  // namespace quotaplane
