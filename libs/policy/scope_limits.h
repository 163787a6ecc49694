// A policy's limits for scopes that are known by their own dimensions, where no request is at hand:
// Policy::Match needs one that has all that `when` and tiers ask for, too. For those who look after
// what was said of a limit, such as alerts; requests are matched.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "libs/policy/override_index.h"
#include "libs/policy/policy.h"
#include "libs/policy/subject.h"

namespace quotaplane {

// Not thread-safe.
class ScopeLimits {
 public:
  explicit ScopeLimits(std::shared_ptr<const Policy> policy);

  // The limit as Match would apply it to a request of the scope; absent: there is no such limit, or
  // the scope lacks some of its `per`. Valid as long as the policy. The first call for a limit with
  // overrides indexes them (100,000 in well under a second).
  std::optional<AppliedLimit> Find(std::string_view limit_id, const Subject& scope);

 private:
  const std::shared_ptr<const Policy> policy_;
  std::map<std::string_view, size_t> by_id_;
  std::map<size_t, OverrideIndex> overrides_;  // by limit, as they are asked for
};

}  // namespace quotaplane
