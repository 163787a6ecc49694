#include "libs/reconcile/amounts.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"
#include "libs/base/quote.h"
#include "libs/money/decimal.h"

namespace quotaplane::reconcile {
namespace {

constexpr int64_t kCentNanoUsd = 10'000'000;
constexpr int64_t kMaxCount = (int64_t{1} << 53) - 1;
// Years that exports may be about: those that reports take.
constexpr int kFirstYear = 2000, kLastYear = 2199;

absl::Status Expected(std::string_view text, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("is ", QuoteForMessage(text), "; expected ", AbslView(what)));
}

// How much the last written digit of a decimal is worth; of one with an exponent, nothing is said.
int64_t LastDigit(std::string_view text, MoneyUnit unit) {
  if (text.find_first_of("eE") != std::string_view::npos) return 1;
  const size_t point = text.find('.');
  const size_t decimals = point == std::string_view::npos ? 0 : text.size() - point - 1;
  int64_t worth = unit == MoneyUnit::kUsd ? 100 * kCentNanoUsd : kCentNanoUsd;
  for (size_t i = 0; i < decimals && worth > 1; ++i) worth /= 10;
  return std::min(worth, kCentNanoUsd);
}

}  // namespace

absl::StatusOr<Money> ParseMoney(std::string_view text, MoneyUnit unit) {
  // One place more than a nano has, so that it can be rounded to the nearest.
  const absl::StatusOr<ScaledDecimal> tenths = ParseDecimal(text, unit == MoneyUnit::kUsd ? 10 : 8);
  if (!tenths.ok()) {
    return Expected(text, unit == MoneyUnit::kUsd ? "USD as a decimal, such as 12.345678"
                                                  : "US cents as a decimal, such as 1234.5678");
  }
  const int64_t nano = tenths->value / 10, rest = tenths->value % 10;
  return Money{nano + (rest >= 5) - (rest <= -5), LastDigit(text, unit)};
}

absl::StatusOr<int64_t> ParseCount(std::string_view text) {
  int64_t count = 0;
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(AbslView(text), &count) || count > kMaxCount) {
    return Expected(text, "a whole number from 0 to 2^53-1");
  }
  return count;
}

absl::StatusOr<absl::CivilDay> ParseDay(std::string_view text) {
  const std::string kept(text);
  absl::CivilSecond civil;
  absl::Time time;
  int64_t seconds = 0;
  const bool digits = !kept.empty() && kept.find_first_not_of("0123456789") == std::string::npos;
  if (digits && kept.size() >= 9 && absl::SimpleAtoi(kept, &seconds)) {
    civil = absl::ToCivilSecond(absl::FromUnixSeconds(seconds), absl::UTCTimeZone());
  } else if (absl::ParseTime(absl::RFC3339_full, kept, &time, nullptr) ||
             absl::ParseTime("%Y-%m-%d %H:%M:%E*S%Ez", kept, &time, nullptr) ||
             absl::ParseTime("%Y-%m-%d %H:%M:%E*S", kept, &time, nullptr)) {
    civil = absl::ToCivilSecond(time, absl::UTCTimeZone());
  } else if (digits || kept.size() < 10 || !absl::ParseLenientCivilTime(kept, &civil)) {
    return Expected(text, "a day or a time, such as 2026-11-01 or 2026-11-01T13:00:00Z");
  }
  if (civil.year() < kFirstYear || civil.year() > kLastYear) {
    return Expected(text, "a day of the years 2000 to 2199");
  }
  return absl::CivilDay(civil);
}

}  // namespace quotaplane::reconcile
