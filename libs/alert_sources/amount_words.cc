#include "libs/alert_sources/amount_words.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"
#include "libs/money/decimal.h"

namespace quotaplane {
namespace {

// Groups of three digits before a point.
std::string Grouped(const std::string& digits) {
  const size_t end = std::min(digits.find('.'), digits.size());
  const size_t first = digits[0] == '-' ? 1 : 0;
  std::string grouped;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > first && i < end && (end - i) % 3 == 0) grouped.push_back(',');
    grouped.push_back(digits[i]);
  }
  return grouped;
}

}  // namespace

std::string AmountWords(int64_t amount, std::string_view unit) {
  if (unit.empty()) return Grouped(absl::StrCat(amount));
  if (unit != "usd") return absl::StrCat(Grouped(absl::StrCat(amount)), " ", AbslView(unit));
  // Cents do for people, unless there are only fractions of one.
  constexpr int64_t kCent = 10'000'000;
  const int64_t shown = amount > kCent || amount < -kCent ? amount - amount % kCent : amount;
  return absl::StrCat(Grouped(FormatDecimal(shown, 9, 2)), " USD");
}

std::string ShareWords(int64_t permille) {
  return absl::StrCat(FormatDecimal(permille, 1, 0), " %");
}

std::string TimeWords(int64_t us) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::FromUnixMicros(us), absl::UTCTimeZone());
}

}  // namespace quotaplane
