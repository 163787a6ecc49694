// What a limit comes to for a scope: the policy's amount, or what an exception makes of it, and
// where that is written. For people who ask; the hot path has its own way to the same answer
// (libs/policy/raises.h). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/exceptions.h"
#include "libs/policy/policy.h"

namespace quotaplane {

struct EffectiveLimit {
  const Limit* limit = nullptr;  // lives as long as the policy
  std::string scope;             // "{org=acme, user=alice}"
  int64_t amount = 0;            // what holds
  int64_t policy_amount = 0;     // by the policy alone
  std::string source;            // "limit", "override {user=alice}", "exception 01J…"
  int64_t until_us = 0;          // the end of the exception; 0 where none holds
};

// All that apply to the subject, in policy order. `exceptions` are the org's; those that do not
// hold at `now_us` have no effect.
std::vector<EffectiveLimit> EffectiveLimits(const Policy& policy, const Subject& subject,
                                            const std::vector<Exception>& exceptions,
                                            int64_t now_us);

// Of one limit. `subject` has its scope: a value for each of the limit's `per`, and nothing else
// but the org. NOT_FOUND: no such limit. INVALID_ARGUMENT, by field "scope".
absl::StatusOr<EffectiveLimit> EffectiveLimitOf(const Policy& policy, std::string_view limit_id,
                                                const Subject& subject,
                                                const std::vector<Exception>& exceptions,
                                                int64_t now_us);

}  // namespace quotaplane
