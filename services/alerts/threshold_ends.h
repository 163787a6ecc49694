// When alerts about thresholds are over. An alert says that a scope has spent a share of a limit's
// amount, and it stands while that is so:
//   - the counter is below the threshold: its period has ended, its window has moved on, a
//     correction took it back;
//   - the amount was raised, by the policy or an exception, so that what is spent is less than the
//     share of it; or it was changed otherwise, and the threshold that it has now is told by an
//     alert of its own;
//   - the limit is gone, counts otherwise, or has the share no more (`alert_at`).
//
// One about a limit that refused stands until the period has ended or the window has passed, or
// the amount was raised.
//
// What is over says why (Signal::over_because). A threshold that comes back, since a raise was
// taken back, is told again only as any other (counter_store.h): in the same period not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "libs/alerts/alert.h"
#include "libs/base/hash.h"
#include "libs/counters/counter_store.h"
#include "libs/policy/policy_set.h"
#include "services/alerts/limits_now.h"

namespace quotaplane {

// Not thread-safe.
class ThresholdEnds {
 public:
  // `store` must outlive it.
  explicit ThresholdEnds(CounterStore* store) : store_(store) {}

  // Begins a look at all open alerts about thresholds; `policies` has to live as long as that.
  // `now_us` is the store's clock.
  void Begin(const PolicySet& policies, int64_t now_us);

  // The signals that end those of `alerts` that are over; the newest alerts come first, over all
  // calls of a look. Blocks; errors: the store is away.
  absl::StatusOr<std::vector<Signal>> Of(const std::vector<Alert>& alerts);

 private:
  struct Watched;

  absl::Status Read(std::vector<Watched>* watched);

  CounterStore* const store_;
  int64_t now_us_ = 0;
  LimitsNow limits_;
  // Those of this look that are about the amount of now, by org and key.
  absl::flat_hash_map<Digest, int64_t> numbers_;
};

}  // namespace quotaplane
