// The rules by which past charges are judged: admission's (libs/admission/demand.h, charge.h), over
// counters in memory.
//
// A charge is judged as its Reserve would be, whose estimate is what was used:
// - The limits that apply are those of the subject with the model that was asked for; the need of
//   each is the whole charge, all attempts together, in its unit. Model rules look at that model
//   too. Fallbacks to other models are not asked about, only charged, as in a commit.
// - A limit binds as demand.h says; a model is free where its usage cost nothing.
// - A hard limit (deny, downgrade) that binds refuses where used + need is more than the amount;
//   with `hold: none`, where used has reached it. Soft and shadow limits are exceeded likewise.
//   A request that one of the rules refuses is refused before any limit is asked.
// - All or nothing: what is refused is counted nowhere. What is not is counted by its attempts,
//   each where its model's subject matches, all of them as one request.
//
// Pure: no clock, no I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/admission/demand.h"
#include "libs/backtest/backtest.h"
#include "libs/backtest/matches.h"
#include "libs/backtest/past_charge.h"
#include "libs/backtest/refusal_tally.h"
#include "libs/backtest/used_dimensions.h"
#include "libs/backtest/window_counters.h"

namespace quotaplane {

inline constexpr size_t kMaxTalliedUsers = 1'000'000;

// Of one org. Charges come in the order of time. Not thread-safe.
class Replay {
 public:
  // `policy` must outlive it.
  explicit Replay(const Policy* policy);

  // Counts a charge of before, whatever the policy says. Errors are WindowCounters::Tidy's.
  absl::Status Count(const PastCharge& charge);
  // Whether it is refused. Counts it where it is not.
  absl::StatusOr<bool> Judge(const PastCharge& charge);

  // charges, refused, their costs and users, limits, rules and limits_not_replayed; the rest is the
  // caller's.
  BacktestResult Result() const;

 private:
  struct Use {
    uint32_t place = 0;
    int64_t amount = 0;
  };

  absl::Status Prepare(int64_t at_us);
  uint32_t PlaceOf(RememberedLimit& limit);
  bool RefusedByRule(const PastCharge& charge, const RememberedMatch& match);
  bool RefusedByLimit(const PastCharge& charge, RememberedMatch& match);
  void Charge(const PastCharge& charge);
  void ChargeAttempt(const PastCharge& charge, std::string_view model, int64_t cost_nano_usd,
                     const Usage& usage);
  void CountUser(const std::string& user);

  const Policy* const policy_;
  UsedDimensions used_;
  Matches matches_;
  WindowCounters counters_;
  BacktestResult sums_;
  std::vector<RefusalTally> limits_;  // by position in the policy
  std::vector<RefusalTally> rules_;
  size_t room_ = kMaxTalliedScopes;
  absl::flat_hash_set<std::string> users_;
  bool users_incomplete_ = false;
  // Scratch.
  std::vector<Use> uses_;
  std::vector<uint32_t> charged_;
};

}  // namespace quotaplane
