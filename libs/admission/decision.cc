#include "libs/admission/decision.h"

#include <algorithm>

namespace quotaplane {
namespace {

constexpr size_t kTightest = 3;

void TellCurb(const Curb& curb, Exceeded* exceeded) {
  exceeded->alert_id = AlertName(curb.alert);
  exceeded->alert_until_us = curb.until_us;
  exceeded->detail = CurbWords(curb);
}

Exceeded Describe(const LimitDemand& demand, const Subject& subject, std::string_view model) {
  const Limit& limit = demand.limit();
  Exceeded exceeded;
  exceeded.limit_id = limit.id;
  exceeded.scope = ScopeString(limit, subject, model);
  exceeded.on_exceed = limit.on_exceed;
  exceeded.unit = limit.unit.ToString();
  exceeded.needed = demand.need;
  exceeded.amount = demand.applied.amount;
  if (limit.on_exceed == OnExceed::kDowngrade) exceeded.downgrade_model = limit.downgrade_model;
  if (demand.throttle != nullptr) TellCurb(*demand.throttle, &exceeded);
  return exceeded;
}

// Whether the limit, which refuses the request, would refuse it for `model` too. With the model in
// `per` that is another counter, of which nothing is known. A tier's limit may not apply to
// `model`; that it does is assumed.
bool RefusesAlso(const Limit& limit, const Subject& subject, std::string_view model) {
  if (limit.on_exceed == OnExceed::kDowngrade && limit.downgrade_model == model) return false;
  const auto is_model = [](const Dimension& dimension) {
    return dimension.kind == DimensionKind::kModel;
  };
  return std::none_of(limit.per.begin(), limit.per.end(), is_model) &&
         MatchesAll(limit.when, subject, model);
}

// The model to use instead, if every refusing limit offers one: the first that none of them would
// refuse, so that nobody is sent from one model to the other and back.
std::string CommonDowngrade(const std::vector<const Limit*>& refusing, const Subject& subject) {
  const auto offers = [](const Limit* limit) { return limit->on_exceed == OnExceed::kDowngrade; };
  if (!std::all_of(refusing.begin(), refusing.end(), offers)) return "";
  for (const Limit* candidate : refusing) {
    const std::string& model = candidate->downgrade_model;
    const auto refuses = [&](const Limit* limit) { return RefusesAlso(*limit, subject, model); };
    if (std::none_of(refusing.begin(), refusing.end(), refuses)) return model;
  }
  return "";
}

// When `one` fits its counter. The store says it for the strictest of the limits that share the
// counter: where that one never fits, another may.
int64_t FitsAt(const LimitDemand& one, const CounterUse& use, const CounterState& state) {
  if (one.max_used < 0) return kNeverFits;
  if (one.max_used == use.max_used || state.fits_at_us != kNeverFits) return state.fits_at_us;
  if (state.held > one.max_used) return 0;
  return use.window->kind == WindowKind::kLifetime ? kNeverFits : state.resets_at_us;
}

// Of a limit that is throttled: also when the throttle ends, where that is earlier. `fits_at_us` is
// what FitsAt says of the amount that it left.
int64_t FitsAtWithThrottle(const LimitDemand& one, const CounterState& state, int64_t fits_at_us) {
  const int64_t until_us = one.throttle->until_us;
  const int64_t whole = one.unthrottled_max_used();
  if (whole < 0) return kNeverFits;
  if (state.used() <= whole) return fits_at_us > 0 ? std::min(fits_at_us, until_us) : until_us;
  if (fits_at_us != kNeverFits) return fits_at_us;
  // Not before the throttle's end, nor before there is room in the whole amount.
  return state.resets_at_us > 0 ? std::max(until_us, state.resets_at_us) : 0;
}

// When everything that refuses will fit, from now. 0 if that is not known or never.
int64_t RetryAfter(const std::vector<Exceeded>& exceeded, int64_t now_us) {
  int64_t latest = 0;
  for (const Exceeded& one : exceeded) {
    if (one.on_exceed == OnExceed::kSoft || one.on_exceed == OnExceed::kShadow) continue;
    if (one.never_fits || one.fits_at_us == 0) return 0;
    latest = std::max(latest, one.fits_at_us);
  }
  return std::max<int64_t>(latest - now_us, 0);
}

}  // namespace

Verdict Judge(const Demand& demand, const Subject& subject, std::string_view model,
              const std::vector<CounterState>& states, int64_t now_us) {
  Verdict verdict;
  std::vector<const Limit*> refusing;
  for (const LimitDemand& one : demand.limits) {
    if (one.use >= states.size()) continue;
    const CounterState& state = states[one.use];
    if (!one.binds || state.used() <= one.max_used) continue;
    Exceeded exceeded = Describe(one, subject, model);
    exceeded.used = state.used();
    exceeded.never_fits = one.unthrottled_max_used() < 0;
    if (one.hard()) {
      verdict.decision = Decision::kDeny;
      refusing.push_back(&one.limit());
      int64_t fits_at_us = FitsAt(one, demand.uses[one.use], state);
      if (one.throttle != nullptr) fits_at_us = FitsAtWithThrottle(one, state, fits_at_us);
      exceeded.never_fits = fits_at_us == kNeverFits;
      if (!exceeded.never_fits) exceeded.fits_at_us = fits_at_us;
    } else if (verdict.decision == Decision::kAllow) {
      verdict.decision = Decision::kAllowSoft;
    }
    verdict.exceeded.push_back(std::move(exceeded));
  }
  if (verdict.decision == Decision::kDeny) {
    verdict.retry_after_us = RetryAfter(verdict.exceeded, now_us);
    verdict.downgrade_model = CommonDowngrade(refusing, subject);
  }
  return verdict;
}

Verdict JudgeOutage(const Demand& demand, const Subject& subject, std::string_view model) {
  Verdict verdict;
  for (const LimitDemand& one : demand.limits) {
    if (!one.binds || !one.hard() || one.limit().on_outage == OnOutage::kAllow) continue;
    Exceeded exceeded = Describe(one, subject, model);
    exceeded.cause = Cause::kStoreUnavailable;
    exceeded.downgrade_model.clear();
    verdict.decision = Decision::kDeny;
    verdict.exceeded.push_back(std::move(exceeded));
  }
  return verdict;
}

Verdict RefuseByRule(Cause cause, std::string rule_id, const Subject& subject) {
  Verdict verdict;
  verdict.decision = Decision::kDeny;
  Exceeded exceeded;
  exceeded.cause = cause;
  exceeded.limit_id = std::move(rule_id);
  exceeded.scope = "{org=" + subject.org + ", model=" + subject.model + "}";
  exceeded.never_fits = true;
  verdict.exceeded.push_back(std::move(exceeded));
  return verdict;
}

Verdict RefuseFrozen(const Curb& freeze, const Subject& subject, int64_t now_us) {
  Verdict verdict;
  verdict.decision = Decision::kDeny;
  verdict.retry_after_us = std::max<int64_t>(freeze.until_us - now_us, 0);
  Exceeded exceeded;
  exceeded.cause = Cause::kFrozen;
  exceeded.limit_id = "alert/" + AlertName(freeze.alert);
  exceeded.scope = CurbScopeString(freeze, subject.org);
  exceeded.fits_at_us = freeze.until_us;
  TellCurb(freeze, &exceeded);
  verdict.exceeded.push_back(std::move(exceeded));
  return verdict;
}

std::vector<Remaining> Tightest(const Demand& demand, const Subject& subject,
                                std::string_view model, const std::vector<CounterState>& states,
                                bool admitted) {
  struct Share {
    const LimitDemand* limit;
    int64_t used;
    double left;
  };
  std::vector<Share> shares;
  shares.reserve(demand.limits.size());
  for (const LimitDemand& one : demand.limits) {
    if (one.use >= states.size()) continue;
    const int64_t used = states[one.use].used() + (admitted ? demand.uses[one.use].hold : 0);
    const int64_t amount = one.applied.amount;
    // A share of nothing is none left.
    const double left =
        amount > 0 ? 1 - static_cast<double>(used) / static_cast<double>(amount) : 0;
    shares.push_back({&one, used, left});
  }
  const size_t count = std::min(shares.size(), kTightest);
  // Equal shares stay in policy order, so that answers do not flicker.
  std::partial_sort(shares.begin(), shares.begin() + count, shares.end(),
                    [](const Share& a, const Share& b) {
                      return a.left != b.left ? a.left < b.left : a.limit < b.limit;
                    });
  std::vector<Remaining> tightest;
  tightest.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const Limit& limit = shares[i].limit->limit();
    tightest.push_back({limit.id, ScopeString(limit, subject, model), limit.unit.ToString(),
                        shares[i].used, shares[i].limit->applied.amount,
                        states[shares[i].limit->use].resets_at_us});
  }
  return tightest;
}

}  // namespace quotaplane
