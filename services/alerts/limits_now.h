// What the limits that alerts are about have become: a policy that was changed, or an exception
// that began or ended, may have made an alert untrue.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "libs/alerts/signal.h"
#include "libs/policy/policy_set.h"
#include "libs/policy/scope_limits.h"

namespace quotaplane {

struct LimitNow {
  const Limit* limit = nullptr;  // null: as `gone` says
  int64_t amount = 0;            // for the alert's scope, with the exception that holds
  std::string gone;              // "limit team-month was removed"
};

// Not thread-safe.
class LimitsNow {
 public:
  // From here on by these policies, which have to live until the next call, at `now_us` of the
  // store's clock. What is known of policies that were not asked for since the last call goes.
  void SetTime(const PolicySet& policies, int64_t now_us);

  // The limit of an alert, by its scope, where it still counts on `counter` (hexadecimal digits).
  LimitNow Of(const Signal& signal, std::string_view limit_id, std::string_view counter);

 private:
  struct Known {
    explicit Known(std::shared_ptr<const Policy> policy) : limits(std::move(policy)) {}
    ScopeLimits limits;
    bool asked = true;
  };

  const PolicySet* policies_ = nullptr;
  int64_t now_us_ = 0;
  std::map<const Policy*, Known> known_;
};

// "its amount is 200.00 USD now"
std::string AmountNowWords(const LimitNow& now);

}  // namespace quotaplane
