// What a policy says about subjects, remembered: people ask again and again, and a match costs ten
// times what a look-up does.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "libs/backtest/used_dimensions.h"
#include "libs/base/hash.h"
#include "libs/policy/policy.h"

namespace quotaplane {

inline constexpr size_t kMaxRememberedMatches = 200'000;

struct RememberedLimit {
  AppliedLimit applied;
  // Free for the caller, so that it need not look the counter up again.
  static constexpr uint32_t kUnset = UINT32_MAX;
  uint32_t place = kUnset;
};

struct RememberedMatch {
  std::vector<RememberedLimit> limits;  // in policy order, without concurrency
  const ModelRule* refusing = nullptr;
};

// Of subjects of one org. Not thread-safe.
class Matches {
 public:
  // Both must outlive it; `used` covers the policy.
  Matches(const Policy* policy, const UsedDimensions* used) : policy_(policy), used_(used) {}

  // Valid until the next Trim or Clear.
  RememberedMatch& Of(const Subject& subject, std::string_view model);
  // Forgets all where there are too many.
  void Trim() {
    if (known_.size() >= kMaxRememberedMatches) Clear();
  }
  void Clear() { known_.clear(); }

 private:
  const Policy* const policy_;
  const UsedDimensions* const used_;
  FieldBuffer key_;
  std::vector<AppliedLimit> applied_;
  absl::node_hash_map<std::string, RememberedMatch> known_;
};

}  // namespace quotaplane
