// What a request asks of the limits that apply to it: pure arithmetic between policy and counters.
//
// - need: what the request would add, in the limit's unit. Input tokens are input and cache writes,
//   as providers' own rate limits count them; total tokens are all five token meters.
// - A limit binds unless the request cannot add to it: its need is 0; or, with `hold: none`, where
//   nobody knows what will be used, the model is free (usd) or the estimate names the meter with 0.
//   A downgrade limit does not bind a request for the very model it downgrades to. What does not
//   bind is not enforced, but charged all the same.
// - Limits on one counter share its hold.
// - Where a raise holds, its amount stands in place of the limit's, in everything; and where an
//   alert throttles the limit, the share that it leaves of that.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "libs/counters/counter_store.h"
#include "libs/policy/curbs.h"
#include "libs/policy/policy.h"
#include "libs/policy/policy_set.h"
#include "libs/policy/raises.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {

// A request in the units that limits count.
struct Quantities {
  int64_t requests = 0;
  int64_t concurrency = 0;
  int64_t cost_nano_usd = 0;
  bool free = false;  // the model costs nothing
  const Usage* usage = nullptr;

  int64_t Of(const Unit& unit) const;
};

// Saturating at kMaxCounterValue, as counters do. Of values from 0 to kMaxCounterValue.
int64_t SaturatingAdd(int64_t a, int64_t b);
int64_t InputTokens(const Usage& usage);
int64_t TotalTokens(const Usage& usage);

struct LimitDemand {
  AppliedLimit applied;            // its amount is what holds: by the raise and the throttle
  const Raise* raise = nullptr;    // lives as long as the policy
  const Curb* throttle = nullptr;  // likewise
  int64_t unthrottled = 0;         // the amount as it is without the throttle
  size_t use = 0;                  // index into Demand::uses
  int64_t need = 0;
  bool binds = false;
  int64_t max_used = 0;  // exceeded where the counter's used is more than this

  // As max_used, for the amount without the throttle.
  int64_t unthrottled_max_used() const { return max_used + unthrottled - applied.amount; }
  const Limit& limit() const { return *applied.limit; }
  // Refuses when exceeded.
  bool hard() const {
    return limit().on_exceed == OnExceed::kDeny || limit().on_exceed == OnExceed::kDowngrade;
  }
};

struct Demand {
  std::vector<LimitDemand> limits;  // in policy order
  std::vector<CounterUse> uses;     // counters unique; hold and max_used are set
};

// `now_us` is the counter store's clock, as far as it is known.
Demand BuildDemand(const OrgPolicy& policy, const Subject& subject, std::string_view model,
                   const Quantities& quantities, int64_t now_us);

// The index of the use of `applied`'s counter in `uses`, appended if it is new.
size_t UseOf(const AppliedLimit& applied, std::vector<CounterUse>* uses);

}  // namespace quotaplane
