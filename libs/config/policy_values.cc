#include "libs/config/policy_values.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/quote.h"
#include "libs/money/decimal.h"
#include "libs/money/money.h"
#include "libs/policy/policy_text.h"

namespace quotaplane {
namespace {

absl::Status Wrong(std::string_view rule, std::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(AbslView(rule), ", not ", QuoteForMessage(text)));
}

absl::StatusOr<int64_t> ParseUsdAmount(std::string_view text) {
  const bool decimal = text.find_first_of("eE") == std::string_view::npos &&
                       !absl::IsInvalidArgument(ParseDecimal(text, 0).status());
  if (!decimal) return Wrong("must be an exact decimal such as 12 or 0.25", text);
  absl::StatusOr<int64_t> amount = ParseUsd(text);
  if (absl::IsInvalidArgument(amount.status())) {
    return Wrong("must have at most 9 decimals (nano-USD)", text);
  }
  if (!amount.ok() || *amount < 0 || *amount > kMaxAmount) {
    return Wrong(absl::StrCat("must be from 0 to ", FormatUsd(kMaxAmount), " USD"), text);
  }
  return amount;
}

// Of a unit of time; 0 of another letter.
int64_t SecondsOf(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3'600;
    case 'd':
      return 86'400;
    default:
      return 0;
  }
}

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

absl::StatusOr<int64_t> ParseAmount(std::string_view text, const Unit& unit) {
  if (unit.kind == UnitKind::kUsd) return ParseUsdAmount(text);
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const std::string_view digits = text.substr(sign);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return Wrong("must be a whole number such as 1000", text);
  }
  int64_t amount = 0;
  if (!absl::SimpleAtoi(AbslView(text), &amount) || amount < 0 || amount > kMaxAmount) {
    return Wrong(absl::StrCat("must be from 0 to ", kMaxAmount), text);
  }
  return amount;
}

absl::StatusOr<absl::TimeZone> ParseTimeZone(std::string_view name) {
  // The loader would also take paths of files, and "localtime", which is another zone elsewhere.
  const bool fit = !name.empty() && name.size() <= 64 &&
                   name.find_first_not_of(
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                       "0123456789_+-/") == std::string_view::npos &&
                   absl::ascii_isupper(static_cast<unsigned char>(name.front()));
  absl::TimeZone zone;
  if (fit && absl::LoadTimeZone(AbslView(name), &zone)) return zone;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown time zone ", QuoteForMessage(name),
                   "; write a name of the IANA database such as UTC or Europe/Berlin"));
}

absl::StatusOr<int> ParseShare(std::string_view text, int min, int max) {
  constexpr char kForm[] = "must be a share such as 80% or 12.5%";
  if (!text.ends_with('%')) return Wrong(kForm, text);
  const std::string_view number = text.substr(0, text.size() - 1);
  const size_t point = std::min(number.find('.'), number.size());
  const bool shaped = IsDigits(number.substr(0, point)) &&
                      (point == number.size() || IsDigits(number.substr(point + 1)));
  if (!shaped) return Wrong(kForm, text);
  const absl::StatusOr<ScaledDecimal> permille = ParseDecimal(number, 1);
  if (permille.ok() && !permille->exact) return Wrong("must have at most one decimal", text);
  if (!permille.ok() || permille->value < min || permille->value > max) {
    return Wrong(absl::StrCat("must be from ", ShareText(min), " to ", ShareText(max)), text);
  }
  return static_cast<int>(permille->value);
}

absl::StatusOr<int64_t> ParseDuration(std::string_view text, int64_t min_us, int64_t max_us) {
  const int64_t unit_s = text.empty() ? 0 : SecondsOf(text.back());
  if (unit_s == 0 || !IsDigits(text.substr(0, text.size() - 1))) {
    return Wrong("must be a duration such as 90s, 30m, 12h or 2d", text);
  }
  const int64_t max_s = max_us / 1'000'000;
  int64_t count = 0;
  if (!absl::SimpleAtoi(AbslView(text.substr(0, text.size() - 1)), &count) ||
      count > max_s / unit_s || count * unit_s < min_us / 1'000'000) {
    return Wrong(absl::StrCat("must be from ", DurationText(min_us), " to ", DurationText(max_us)),
                 text);
  }
  return count * unit_s * 1'000'000;
}

}  // namespace quotaplane
