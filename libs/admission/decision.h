// From counters' states to a verdict that explains itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/admission/demand.h"
#include "libs/counters/counter_store.h"
#include "libs/policy/policy.h"

namespace quotaplane {

enum class Decision { kAllow, kAllowSoft, kDeny };
enum class Cause { kLimitExceeded, kModelNotAllowed, kModelUnpriced, kStoreUnavailable, kFrozen };

struct Exceeded {
  Cause cause = Cause::kLimitExceeded;
  std::string limit_id;
  std::string scope;
  OnExceed on_exceed = OnExceed::kDeny;
  std::string unit;
  int64_t used = 0;
  int64_t needed = 0;
  int64_t amount = 0;
  int64_t fits_at_us = 0;  // 0: not known
  bool never_fits = false;
  std::string downgrade_model;
  // Of the curb: which alert froze the scope, or throttled the limit; empty and 0 without one.
  std::string alert_id = {};  // "A-17"
  int64_t alert_until_us = 0;
  std::string detail = {};  // the same for people
};

struct Verdict {
  Decision decision = Decision::kAllow;
  std::vector<Exceeded> exceeded;
  int64_t retry_after_us = 0;  // 0: not known, or waiting does not help
  std::string downgrade_model;
};

struct Remaining {
  std::string limit_id;
  std::string scope;
  std::string unit;
  int64_t used = 0;
  int64_t amount = 0;
  int64_t resets_at_us = 0;
};

// The verdict on `demand` for counters in `states` (one for each use, before the request). `model`
// is the request's.
Verdict Judge(const Demand& demand, const Subject& subject, std::string_view model,
              const std::vector<CounterState>& states, int64_t now_us);

// The verdict while the store is away, by each binding hard limit's on_outage.
Verdict JudgeOutage(const Demand& demand, const Subject& subject, std::string_view model);

// A refusal by a rule instead of a limit.
Verdict RefuseByRule(Cause cause, std::string rule_id, const Subject& subject);

// The refusal of a frozen scope. It is told to try again when the freeze ends by itself, which an
// acknowledgement may bring forward.
Verdict RefuseFrozen(const Curb& freeze, const Subject& subject, int64_t now_us);

// The limits with the smallest share left after the request (`admitted`) or as they stand, at most
// 3.
std::vector<Remaining> Tightest(const Demand& demand, const Subject& subject,
                                std::string_view model, const std::vector<CounterState>& states,
                                bool admitted);

}  // namespace quotaplane
