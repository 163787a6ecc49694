#include "libs/control/refusal_budget.h"

#include <utility>

namespace quotaplane {
namespace {

constexpr int64_t kMinuteUs = int64_t{60} * 1'000'000;

}  // namespace

RefusalBudget::Spent& RefusalBudget::Of(const std::string& org, int64_t minute) {
  const auto found = spent_.find(org);
  if (found != spent_.end()) return found->second;
  if (spent_.size() >= kMaxOrgs && swept_minute_ != minute) {
    swept_minute_ = minute;
    std::erase_if(spent_, [&](const auto& entry) {
      return entry.second.minute != minute && entry.second.missing == 0;
    });
  }
  // The deployment's, which no org can be named like.
  return spent_[spent_.size() < kMaxOrgs ? org : std::string()];
}

bool RefusalBudget::Take(const std::string& org, int64_t now_us) {
  const int64_t minute = now_us / kMinuteUs;
  const MutexLock lock(mutex_);
  Spent& spent = Of(org, minute);
  if (spent.minute != minute) {
    spent.minute = minute;
    spent.rows = 0;
  }
  if (spent.rows >= kMaxPerMinute) {
    ++spent.missing;
    return false;
  }
  ++spent.rows;
  return true;
}

int64_t RefusalBudget::TakeMissing(const std::string& org) {
  const MutexLock lock(mutex_);
  const auto found = spent_.find(org);
  return found == spent_.end() ? 0 : std::exchange(found->second.missing, 0);
}

void RefusalBudget::GiveBack(const std::string& org, int64_t missing) {
  if (missing == 0) return;
  const MutexLock lock(mutex_);
  Of(org, 0).missing += missing;
}

}  // namespace quotaplane
