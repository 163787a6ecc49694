// What a limit comes to for a scope: the policy's amount, or what an exception makes of it, and
// what an alert's throttle leaves of that; and where each is written. For people who ask; the hot
// path has its own way to the same answer (libs/policy/raises.h, curbs.h). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/exceptions.h"
#include "libs/policy/curbs.h"
#include "libs/policy/policy.h"

namespace quotaplane {

struct EffectiveLimit {
  const Limit* limit = nullptr;  // lives as long as the policy
  std::string scope;             // "{org=acme, user=alice}"
  int64_t amount = 0;            // what holds
  int64_t policy_amount = 0;     // by the policy alone
  // "limit", "override {user=alice}", "exception 01J…"; of what is throttled with the alert:
  // "limit, throttled to 20 % by alert A-17".
  std::string source;
  int64_t until_us = 0;  // until when the amount holds: the end of exception or throttle; 0: no end
};

// All that apply to the subject, in policy order. `exceptions` and `curbs` are the org's; those
// that do not hold at `now_us` have no effect.
std::vector<EffectiveLimit> EffectiveLimits(const Policy& policy, const Subject& subject,
                                            const std::vector<Exception>& exceptions,
                                            const Curbs& curbs, int64_t now_us);

// Of one limit. `subject` has its scope: a value for each of the limit's `per`, and nothing else
// but the org. NOT_FOUND: no such limit. INVALID_ARGUMENT, by field "scope".
absl::StatusOr<EffectiveLimit> EffectiveLimitOf(const Policy& policy, std::string_view limit_id,
                                                const Subject& subject,
                                                const std::vector<Exception>& exceptions,
                                                const Curbs& curbs, int64_t now_us);

}  // namespace quotaplane
