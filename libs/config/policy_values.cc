#include "libs/config/policy_values.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/quote.h"
#include "libs/money/decimal.h"
#include "libs/money/money.h"

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

}  // namespace quotaplane
