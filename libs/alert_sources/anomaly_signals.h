// From what the detectors found in an org's usage to the alerts that its policy wants of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/alerts/alert.h"
#include "libs/alerts/signal.h"
#include "libs/anomaly/finding.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// Absent: no rule is about it. A finding that is over needs no rule: it ends what was told of it.
std::optional<Signal> AnomalySignal(const anomaly::Finding& finding, const Policy& policy);

// The key of its alert: the finding's number and what it is about, so that a finding of this number
// by another bank, one that was taught anew, is another alert's.
std::string FindingKey(const anomaly::Finding& finding);
// The number of the finding of an alert's key; nullopt for alerts that are of none.
std::optional<uint64_t> FindingOfKey(std::string_view key);

// Ends an alert about a finding of which nothing more will come, and says why: a clause without a
// full stop.
Signal AnomalyEnd(const Alert& alert, std::string_view why, int64_t now_us);
// Why a finding is over, as such a clause.
std::string_view EndWords(anomaly::FindingEnd end);

// Whether the policy has a rule of this name about usage.
bool HasUsageRule(const Policy& policy, std::string_view rule_id);

// The lowest floor of the policy's rules about usage: what is below wakes nobody. nullopt: no rule
// is about usage.
std::optional<int64_t> LowestFloor(const Policy& policy);

}  // namespace quotaplane
