#include "libs/admission/demand.h"

#include <algorithm>

namespace quotaplane {
namespace {

// -1: the usage does not name the meter.
int64_t MeterOr(const Usage& usage, std::string_view meter, int64_t otherwise) {
  for (const auto& [name, quantity] : usage) {
    if (name == meter) return quantity;
  }
  return otherwise;
}

bool CanAddTo(const Unit& unit, const Quantities& quantities) {
  if (unit.kind == UnitKind::kUsd) return !quantities.free;
  if (unit.kind != UnitKind::kMeter) return true;
  return MeterOr(*quantities.usage, unit.meter, -1) != 0;
}

bool Binds(const Limit& limit, std::string_view model, int64_t need, const Quantities& quantities) {
  if (limit.on_exceed == OnExceed::kDowngrade && limit.downgrade_model == model) return false;
  return limit.hold == HoldMode::kNone ? CanAddTo(limit.unit, quantities) : need > 0;
}

}  // namespace

int64_t SaturatingAdd(int64_t a, int64_t b) {
  return a >= kMaxCounterValue - b ? kMaxCounterValue : a + b;
}

int64_t InputTokens(const Usage& usage) {
  int64_t sum = 0;
  for (std::string_view meter : {kMeterInput, kMeterCacheWrite5m, kMeterCacheWrite1h}) {
    sum = SaturatingAdd(sum, MeterOr(usage, meter, 0));
  }
  return sum;
}

int64_t TotalTokens(const Usage& usage) {
  const int64_t others =
      SaturatingAdd(MeterOr(usage, kMeterCacheRead, 0), MeterOr(usage, kMeterOutput, 0));
  return SaturatingAdd(InputTokens(usage), others);
}

int64_t Quantities::Of(const Unit& unit) const {
  switch (unit.kind) {
    case UnitKind::kUsd:
      return cost_nano_usd;
    case UnitKind::kRequests:
      return requests;
    case UnitKind::kConcurrency:
      return concurrency;
    case UnitKind::kInputTokens:
      return InputTokens(*usage);
    case UnitKind::kOutputTokens:
      return MeterOr(*usage, kMeterOutput, 0);
    case UnitKind::kTotalTokens:
      return TotalTokens(*usage);
    case UnitKind::kMeter:
      return MeterOr(*usage, unit.meter, 0);
  }
  return 0;
}

size_t UseOf(const AppliedLimit& applied, std::vector<CounterUse>* uses) {
  const auto known = std::find_if(uses->begin(), uses->end(), [&](const CounterUse& use) {
    return use.counter == applied.counter;
  });
  if (known != uses->end()) return static_cast<size_t>(known - uses->begin());
  CounterUse use;
  use.counter = applied.counter;
  use.window = &applied.limit->window;
  uses->push_back(use);
  return uses->size() - 1;
}

Demand BuildDemand(const OrgPolicy& policy, const Subject& subject, std::string_view model,
                   const Quantities& quantities, int64_t now_us) {
  std::vector<AppliedLimit> applied;
  policy.policy->Match(subject, model, &applied);
  const bool may_be_raised = !policy.raises->empty();
  const bool may_be_curbed = !policy.curbs->empty();
  Demand demand;
  demand.limits.reserve(applied.size());
  demand.uses.reserve(applied.size());
  for (const AppliedLimit& one : applied) {
    LimitDemand limit;
    limit.applied = one;
    if (may_be_raised) limit.raise = policy.raises->Find(one, now_us);
    if (limit.raise != nullptr) limit.applied.amount = limit.raise->amount;
    limit.unthrottled = limit.applied.amount;
    if (may_be_curbed) {
      limit.throttle = policy.curbs->Throttle(*one.limit, subject, model, now_us);
    }
    if (limit.throttle != nullptr) {
      limit.applied.amount = ThrottledAmount(limit.unthrottled, *limit.throttle);
    }
    limit.use = UseOf(one, &demand.uses);
    limit.need = quantities.Of(one.limit->unit);
    limit.binds = Binds(*one.limit, model, limit.need, quantities);
    const bool holds = one.limit->hold == HoldMode::kEstimate;
    limit.max_used = limit.applied.amount - (holds ? limit.need : 1);
    CounterUse& use = demand.uses[limit.use];
    if (holds) use.hold = limit.need;
    if (limit.binds && limit.hard()) use.max_used = std::min(use.max_used, limit.max_used);
    demand.limits.push_back(limit);
  }
  return demand;
}

}  // namespace quotaplane
