#include "libs/control/refusal_budget.h"

#include <utility>

namespace quotaplane {
namespace {

constexpr int64_t kMinuteUs = int64_t{60} * 1'000'000;

}  // namespace

RefusalBudget::Spent& RefusalBudget::Of(const std::string& name, int64_t minute, Book* book) {
  std::map<std::string, Spent>& spent = book->spent;
  const auto found = spent.find(name);
  if (found != spent.end()) return found->second;
  if (spent.size() >= kMaxOrgs && book->swept_minute != minute) {
    book->swept_minute = minute;
    std::erase_if(spent, [&](const auto& entry) {
      return entry.second.minute != minute && entry.second.missing == 0;
    });
  }
  // The deployment's, which no org can be named like; nor can an actor.
  return spent[spent.size() < kMaxOrgs ? name : std::string()];
}

bool RefusalBudget::Take(const std::string& org, const std::string& actor, int64_t now_us) {
  const int64_t minute = now_us / kMinuteUs;
  const MutexLock lock(mutex_);
  Spent& of_org = Of(org, minute, &orgs_);
  Spent& of_actor = Of(actor, minute, &actors_);
  for (Spent* const spent : {&of_org, &of_actor}) {
    if (spent->minute == minute) continue;
    spent->minute = minute;
    spent->rows = 0;
  }
  if (of_org.rows >= kMaxPerMinute || of_actor.rows >= kMaxPerMinute) {
    ++of_org.missing;
    return false;
  }
  ++of_org.rows;
  ++of_actor.rows;
  return true;
}

int64_t RefusalBudget::TakeMissing(const std::string& org) {
  const MutexLock lock(mutex_);
  const auto found = orgs_.spent.find(org);
  return found == orgs_.spent.end() ? 0 : std::exchange(found->second.missing, 0);
}

void RefusalBudget::GiveBack(const std::string& org, int64_t missing) {
  if (missing == 0) return;
  const MutexLock lock(mutex_);
  Of(org, 0, &orgs_).missing += missing;
}

}  // namespace quotaplane
