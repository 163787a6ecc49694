#include "libs/admission/refusal_telling.h"

#include <algorithm>
#include <utility>

#include "libs/admission/thresholds.h"

namespace quotaplane {
namespace {

bool TellsWholeAmount(const Limit& limit) {
  const std::vector<int>& shares = AlertAt(limit);
  return std::find(shares.begin(), shares.end(), kWholeAmount) != shares.end();
}

// As TellRefused wants it: at least nine tenths are committed, and the request would have gone past
// the amount, on an empty counter not.
bool AsGoodAsSpent(const LimitDemand& one, int64_t committed) {
  const int64_t amount = one.unthrottled;
  return committed < amount && committed >= amount - amount / 10 && one.need <= amount &&
         committed + one.need > amount;
}

void AddThreshold(int64_t threshold, CounterUse* use) {
  auto& all = use->thresholds;
  const auto at = std::lower_bound(all.begin(), all.end(), threshold);
  if (all.size() >= kMaxThresholdsPerCounter || (at != all.end() && *at == threshold)) return;
  all.insert(at, threshold);
}

}  // namespace

std::vector<CounterUse> TellingsOf(const Demand& demand, const std::vector<CounterState>& states) {
  std::vector<CounterUse> tellings;
  for (const LimitDemand& one : demand.limits) {
    if (!one.hard() || !one.binds || one.use >= states.size()) continue;
    if (!AsGoodAsSpent(one, states[one.use].committed) || !TellsWholeAmount(one.limit())) continue;
    const Digest& counter = demand.uses[one.use].counter;
    auto telling = std::find_if(tellings.begin(), tellings.end(),
                                [&](const CounterUse& use) { return use.counter == counter; });
    if (telling == tellings.end()) {
      telling = tellings.insert(telling, demand.uses[one.use]);
      telling->hold = one.need;
      telling->thresholds.clear();
    }
    AddThreshold(one.unthrottled, &*telling);
  }
  return tellings;
}

std::string DescribeRefusal(const Demand& demand, const Subject& subject, const Digest& counter,
                            int64_t threshold) {
  std::vector<ThresholdLimit> limits;
  for (const LimitDemand& one : demand.limits) {
    if (one.applied.counter != counter) continue;
    AddThresholdLimit(one.limit(), one.unthrottled, threshold, subject, subject.model, &limits);
  }
  return EncodeThresholdLimits(limits);
}

}  // namespace quotaplane
