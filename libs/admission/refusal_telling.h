// What a refusal tells (counter_store.h, Crossings): of limits that may never be used up to their
// amount, since they refuse before.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/admission/demand.h"
#include "libs/counters/counter_store.h"
#include "libs/policy/subject.h"

namespace quotaplane {

// The uses of TellRefused for a refused request, from what the counters had: the whole amounts of
// limits that refuse, where those are to be told (AlertAt) and as good as spent. Empty: nothing may
// have to be told, and the store need not be asked. The store decides; what surely is not so is not
// asked. Of a throttled limit the amount is the one without the throttle, whose refusals are an
// alert's doing and none of its reasons.
std::vector<CounterUse> TellingsOf(const Demand& demand, const std::vector<CounterState>& states);

// The bytes of DescribeThreshold (thresholds.h) for one of them.
std::string DescribeRefusal(const Demand& demand, const Subject& subject, const Digest& counter,
                            int64_t threshold);

}  // namespace quotaplane
