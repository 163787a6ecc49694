// Exceptions in force: raises of single limits for single scopes, each with an end.
//
// A raise never lowers: where the policy gives more, the policy's amount stands. It names one limit
// and a value for each dimension of the limit's `per` (the org is known), so it concerns exactly
// one counter; what else a request is subject to is not touched. It holds from `from_us` to before
// `until_us` by the counter store's clock, and ends by itself: nobody has to take it away.
//
// A raise of a limit that the policy does not have (any more) waits: it changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/policy/policy.h"

namespace quotaplane {

struct Raise {
  std::string exception_id;
  std::string limit_id;
  // A value for each of the limit's `per`, in any order; none for a limit of the whole org.
  std::vector<std::pair<Dimension, std::string>> scope;
  int64_t amount = 0;  // in the limit's unit, in place of its amount
  int64_t from_us = 0;
  int64_t until_us = 0;

  friend bool operator==(const Raise&, const Raise&) = default;
};

inline constexpr size_t kMaxRaisesPerOrg = 10'000;

// Immutable; share it between threads.
class Raises {
 public:
  Raises() = default;
  // For one org under `policy`. Those whose limit is not there, or whose scope does not have one
  // value for each of the limit's `per` and no other (the org may be said, if it is this one), are
  // kept (list()) and have no effect.
  Raises(std::string_view org, const Policy& policy, std::vector<Raise> raises);

  // The raise with the highest amount above `applied.amount` that holds at `now_us`; null if none
  // does; of two with that amount, the one that ends later. O(1) in the number of raises of other
  // scopes. Valid as long as this object. Thread-safe.
  const Raise* Find(const AppliedLimit& applied, int64_t now_us) const;

  bool empty() const { return list_.empty(); }
  const std::vector<Raise>& list() const { return list_; }

 private:
  std::vector<Raise> list_;
  // Positions in list_. Limits may share a counter.
  absl::flat_hash_map<Digest, std::vector<uint32_t>> by_counter_;
};

}  // namespace quotaplane
