#include "libs/auth/auth_refusals.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "libs/base/error.h"

namespace quotaplane {
namespace {

constexpr std::array<std::string_view, 11> kNames = {
    "credentials_missing", "token_unknown",      "token_expired", "token_invalid",
    "certificate_unknown", "issuer_unavailable", "role_missing",  "key_unknown",
    "key_revoked",         "key_expired",        "other"};

}  // namespace

void AuthRefusals::Count(const absl::Status& refusal) {
  static_assert(kNames.size() == kReasons);
  const std::optional<std::string> reason = ReasonOf(refusal);
  const std::string name = absl::AsciiStrToLower(reason.value_or(""));
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end() && !absl::IsUnauthenticated(refusal)) return;
  const auto last = std::prev(kNames.end());
  ++counts_[static_cast<size_t>((found == kNames.end() ? last : found) - kNames.begin())];
}

std::vector<std::pair<std::string_view, int64_t>> AuthRefusals::counts() const {
  std::vector<std::pair<std::string_view, int64_t>> counts;
  for (size_t i = 0; i < kReasons; ++i) counts.emplace_back(kNames[i], counts_[i].load());
  return counts;
}

}  // namespace quotaplane
