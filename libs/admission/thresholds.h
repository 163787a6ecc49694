// At which values of a counter its limits are told (counter_store.h, Crossings), and what goes with
// such a crossing to whoever tells it.
//
// A threshold is a share of the amount that holds for the scope, overrides and exceptions included,
// rounded up: 80 % is reached when no less than 80 % is spent. Several limits may share a counter
// and a value; the crossing is one, and names them all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/admission/demand.h"
#include "libs/counters/counter_store.h"
#include "libs/policy/policy.h"
#include "libs/policy/policy_set.h"

namespace quotaplane {

inline constexpr int kWholeAmount = 1'000;  // permille

// 0 where there is none: of nothing, or past what counters count.
int64_t ThresholdAt(int64_t amount, int permille);

// Adds the limit's (AlertAt); `amount` is the scope's. What is more than kMaxThresholdsPerCounter
// is left out.
void AddThresholds(const Limit& limit, int64_t amount, CounterUse* use);

// The amount of a limit for its scope, with the raise that holds at `now_us`.
int64_t AmountAt(const OrgPolicy& policy, const AppliedLimit& applied, int64_t now_us);

// One limit of a threshold.
struct ThresholdLimit {
  std::string limit_id;
  int permille = 0;    // the highest of its shares that come to this value
  int64_t amount = 0;  // in its unit
  std::string unit;
  std::string window;
  std::string scope;  // ScopeString
  // The org and the limit's `per`, by their names ("org", "user", "labels.session"), with values.
  std::vector<std::pair<std::string, std::string>> dimensions;

  friend bool operator==(const ThresholdLimit&, const ThresholdLimit&) = default;
};

// Appends the limit, where one of its shares comes to the threshold and it is not there yet.
void AddThresholdLimit(const Limit& limit, int64_t amount, int64_t threshold,
                       const Subject& subject, std::string_view model,
                       std::vector<ThresholdLimit>* limits);

// The bytes of DescribeThreshold, both ways. They wait in the store: later versions of the program
// read those of earlier ones, and add only behind. DATA_LOSS: no such bytes.
std::string EncodeThresholdLimits(const std::vector<ThresholdLimit>& limits);
absl::StatusOr<std::vector<ThresholdLimit>> DecodeThresholdLimits(std::string_view bytes);

}  // namespace quotaplane
