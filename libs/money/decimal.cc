#include "libs/money/decimal.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane {
namespace {

// Exponents past this one say no more: no text that fits in memory has as many digits.
constexpr int64_t kExponentCap = 1'000'000'000'000'000;

struct Parts {
  bool negative = false;
  std::string_view whole;     // digits before the point, at least one
  std::string_view fraction;  // digits after it, perhaps none
  int64_t exponent = 0;       // capped to +-kExponentCap

  size_t digits() const { return whole.size() + fraction.size(); }
  int digit(size_t i) const {
    return (i < whole.size() ? whole[i] : fraction[i - whole.size()]) - '0';
  }
};

std::string_view TakeDigits(std::string_view& text) {
  size_t n = 0;
  while (n < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[n]))) ++n;
  std::string_view digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

bool TakeSign(std::string_view& text) {
  if (text.empty() || (text[0] != '-' && text[0] != '+')) return false;
  bool negative = text[0] == '-';
  text.remove_prefix(1);
  return negative;
}

bool Split(std::string_view text, Parts& parts) {
  parts.negative = TakeSign(text);
  parts.whole = TakeDigits(text);
  if (parts.whole.empty()) return false;
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    parts.fraction = TakeDigits(text);
    if (parts.fraction.empty()) return false;
  }
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    bool negative = TakeSign(text);
    std::string_view digits = TakeDigits(text);
    if (digits.empty()) return false;
    for (char c : digits) {
      parts.exponent = std::min(kExponentCap, parts.exponent * 10 + (c - '0'));
    }
    if (negative) parts.exponent = -parts.exponent;
  }
  return text.empty();
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 40;
  return absl::StrCat("\"", absl::CHexEscape(AbslView(text.substr(0, kShown))),
                      text.size() > kShown ? "…" : "", "\"");
}

}  // namespace

absl::StatusOr<ScaledDecimal> ParseDecimal(std::string_view text, int places) {
  Parts parts;
  if (!Split(text, parts)) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is not a decimal number"));
  }
  size_t first = 0;
  while (first < parts.digits() && parts.digit(first) == 0) ++first;
  if (first == parts.digits()) return ScaledDecimal{0, true};

  // The number is 0.d0d1d2… * 10^point; the first `kept` digits (zeros past the last one) are the
  // scaled value.
  const int64_t kept = static_cast<int64_t>(parts.whole.size()) + parts.exponent + places;
  const int64_t significant = kept - static_cast<int64_t>(first);
  const auto out_of_range = [&] {
    return absl::OutOfRangeError(absl::StrCat(Quoted(text), " is too large"));
  };
  if (significant > std::numeric_limits<int64_t>::digits10 + 1) return out_of_range();

  unsigned __int128 magnitude = 0;
  for (int64_t i = 0; i < significant; ++i) {
    size_t at = first + static_cast<size_t>(i);
    magnitude = magnitude * 10 + (at < parts.digits() ? parts.digit(at) : 0);
  }
  bool exact = true;
  for (size_t i = first + std::max<int64_t>(significant, 0); i < parts.digits() && exact; ++i) {
    exact = parts.digit(i) == 0;
  }
  if (!exact && !parts.negative) ++magnitude;

  const unsigned __int128 limit =
      static_cast<unsigned __int128>(std::numeric_limits<int64_t>::max()) + parts.negative;
  if (magnitude > limit) return out_of_range();
  // Negated as unsigned: the magnitude of INT64_MIN has no int64.
  const auto bits = static_cast<uint64_t>(magnitude);
  return ScaledDecimal{static_cast<int64_t>(parts.negative ? -bits : bits), exact};
}

std::string FormatDecimal(int64_t value, int places, int min_decimals) {
  const bool negative = value < 0;
  // Negated as unsigned: the magnitude of INT64_MIN has no int64.
  uint64_t magnitude = negative ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::string digits = absl::StrCat(magnitude);
  const size_t wanted = static_cast<size_t>(places) + 1;
  if (digits.size() < wanted) digits.insert(0, wanted - digits.size(), '0');

  std::string_view whole = std::string_view(digits).substr(0, digits.size() - places);
  std::string_view fraction = std::string_view(digits).substr(digits.size() - places);
  while (fraction.size() > static_cast<size_t>(min_decimals) && fraction.back() == '0') {
    fraction.remove_suffix(1);
  }
  return absl::StrCat(negative ? "-" : "", AbslView(whole), fraction.empty() ? "" : ".",
                      AbslView(fraction));
}

}  // namespace quotaplane
