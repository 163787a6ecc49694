// When alerts about forecasts are over: the period has ended; the limit is gone, counts otherwise
// or has another amount, and does not end early by that; or it has not been seen to end early for
// two hours, since paces change with each hour. Never because nobody could look.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "libs/alerts/alert.h"
#include "libs/ledger/forecast_round.h"
#include "libs/policy/policy_set.h"
#include "services/alerts/limits_now.h"

namespace quotaplane {

// Not thread-safe.
class ForecastEnds {
 public:
  static constexpr int64_t kOverAfterUs = int64_t{7'500} * 1'000'000;

  // Takes in a round that succeeded; `policies` has to live as long as Of is called for it.
  void Begin(const ForecastResult& result, const PolicySet& policies, int64_t now_us);

  // The signals that end those of the open alerts `alerts` that are over.
  std::vector<Signal> Of(const std::vector<Alert>& alerts);

  // When which forecast was made: what another process has made since would be taken for over.
  void Forget() { seen_us_.clear(); }

 private:
  std::string Reason(const Signal& alert);

  int64_t now_us_ = 0;
  LimitsNow limits_;
  std::map<std::string, int64_t> seen_us_;  // by org and key of alerts
  std::set<std::string> unread_;            // orgs
  bool some_left_out_ = false;
};

}  // namespace quotaplane
