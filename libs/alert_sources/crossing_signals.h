// From a counter that came to a threshold to the alerts that its policy wants of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/alerts/signal.h"
#include "libs/counters/crossing.h"
#include "libs/policy/policy_set.h"

namespace quotaplane {

// One signal for each limit of the crossing that a rule of its org's policy is about; none: nobody
// wants to know. Each share of a limit is an alert of its own, so that 80 % is told however soon it
// comes after 50. DATA_LOSS: nobody can say whose crossing this is.
absl::StatusOr<std::vector<Signal>> CrossingSignals(const Crossing& crossing,
                                                    const PolicySet& policies);

// What such an alert's key says.
struct ThresholdKey {
  std::string counter;  // hexadecimal digits
  int64_t threshold = 0;
  bool refused = false;  // Crossing::refused
  std::string limit_id;
};
std::string ThresholdKeyText(const ThresholdKey& key);
std::optional<ThresholdKey> ParseThresholdKey(std::string_view key);

}  // namespace quotaplane
