#include "libs/policy/policy.h"

namespace quotaplane {
namespace {

constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;

bool LastsADay(const Limit& limit) {
  if (limit.unit.kind == UnitKind::kConcurrency) return false;
  return limit.window.kind != WindowKind::kSliding || limit.window.length_us >= kDayUs;
}

}  // namespace

const std::vector<int>& DefaultAlertAt(const Limit& limit) {
  static const auto* const kShares = new std::vector<int>{500, 800, 1'000};
  static const auto* const kNone = new std::vector<int>;
  return LastsADay(limit) ? *kShares : *kNone;
}

const std::vector<int>& AlertAt(const Limit& limit) {
  return limit.alert_at.has_value() ? *limit.alert_at : DefaultAlertAt(limit);
}

}  // namespace quotaplane
