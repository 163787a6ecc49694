#include <array>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/policy/policy.h"

namespace quotaplane {
namespace {

// By UnitKind.
constexpr std::array<std::string_view, 6> kNames = {"usd",           "requests",     "input_tokens",
                                                    "output_tokens", "total_tokens", "concurrency"};

}  // namespace

std::string Unit::ToString() const {
  return kind == UnitKind::kMeter ? meter : std::string(kNames[static_cast<size_t>(kind)]);
}

absl::StatusOr<Unit> ParseUnit(std::string_view text) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (text == kNames[i]) return Unit{static_cast<UnitKind>(i), ""};
  }
  const bool name =
      !text.empty() && text.size() <= 63 && text[0] >= 'a' && text[0] <= 'z' &&
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
  if (name) return Unit{UnitKind::kMeter, std::string(text)};
  return absl::InvalidArgumentError(
      "must be usd, requests, input_tokens, output_tokens, total_tokens, concurrency, or the name "
      "of a meter (begins with "
      "a-z, at most 63 of a-z, 0-9 and _)");
}

}  // namespace quotaplane
