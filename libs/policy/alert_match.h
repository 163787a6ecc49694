// Which alert rule decides about what happened.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "libs/policy/policy.h"

namespace quotaplane {

// What happened. Fields that are not of `on` are not looked at.
struct AlertFacts {
  AlertOn on = AlertOn::kThreshold;
  // The scope: only its own dimensions are set, the org always. A session is labels.session.
  Subject scope;
  std::string_view limit_id;                // kThreshold, kForecast
  int share_permille = 0;                   // kThreshold: of the amount, that was crossed
  int64_t margin_us = 0;                    // kForecast: how long before its period the budget ends
  UsageSignal signal = UsageSignal::kCost;  // kAnomaly
  // kAnomaly: by what the scope is one of many. The org is part of every scope, so it counts only
  // where it stands alone; none is the org too.
  std::vector<Dimension> per;
  int64_t at_stake_nano_usd = 0;  // kAnomaly, kRunaway
};

// The first of the rules that fits; null if none does. A pointer into `rules`.
const AlertRule* RuleFor(const std::vector<AlertRule>& rules, const AlertFacts& facts);

// The document's own, or those of a policy that says nothing.
const std::vector<AlertRule>& AlertRulesOf(const PolicyDocument& document);

}  // namespace quotaplane
