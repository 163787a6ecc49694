#include "tests/conformance/oracle.h"

#include <algorithm>

#include "libs/counters/redis/layout.h"

namespace quotaplane {

int64_t Oracle::Held(const Digest& counter) const {
  int64_t sum = 0;
  for (const Id& id : open_) {
    const std::map<std::string, int64_t>& holds = reservations_.at(id).holds;
    const auto hold = holds.find(std::string(counter.view()));
    if (hold != holds.end()) sum += hold->second;
  }
  return sum;
}

int64_t Oracle::Committed(const CounterUse& use) const {
  const auto log = charges_.find(std::string(use.counter.view()));
  if (log == charges_.end()) return 0;
  int64_t sum = 0;
  for (const Charge& charge : log->second) {
    bool counts = true;
    if (use.window->kind == WindowKind::kSliding) {
      counts = SlotAt(*use.window, charge.at_us) >= SlotAt(*use.window, now_us) - kSlots;
    } else if (use.window->kind == WindowKind::kCalendar) {
      counts = charge.at_us >= PeriodAt(*use.window, now_us).start_us;
    }
    if (counts) sum += charge.amount;
  }
  return sum;
}

int64_t Oracle::ExactSum(const Digest& counter, int64_t length_us) const {
  int64_t sum = 0;
  const auto log = charges_.find(std::string(counter.view()));
  if (log == charges_.end()) return 0;
  for (const Charge& charge : log->second)
    sum += charge.at_us > now_us - length_us ? charge.amount : 0;
  return sum;
}

int64_t Oracle::FitsAt(const CounterUse& use, int64_t held) const {
  if (use.max_used < 0) return kNeverFits;
  if (held > use.max_used) return 0;
  if (use.window->kind == WindowKind::kLifetime) return kNeverFits;
  if (use.window->kind == WindowKind::kCalendar) return PeriodAt(*use.window, now_us).end_us;
  Oracle later = *this;
  const int64_t width = SlotWidthUs(*use.window);
  for (int64_t slot = SlotAt(*use.window, now_us) + 1;; ++slot) {
    later.now_us = slot * width;
    if (held + later.Committed(use) <= use.max_used) return later.now_us;
  }
}

std::vector<CounterState> Oracle::States(const std::vector<CounterUse>& uses,
                                         const std::map<std::string, int64_t>& own, bool* refused,
                                         bool* held_where_refused) const {
  std::vector<CounterState> states;
  *refused = *held_where_refused = false;
  for (const CounterUse& use : uses) {
    const auto mine = own.find(std::string(use.counter.view()));
    const int64_t held = mine == own.end() ? 0 : mine->second;
    CounterState state{Held(use.counter) - held, Committed(use), 0, 0};
    if (use.window->kind == WindowKind::kCalendar)
      state.resets_at_us = PeriodAt(*use.window, now_us).end_us;
    const bool raises = own.empty() || use.hold > held;
    if (raises && state.used() > use.max_used) {
      *refused = true;
      *held_where_refused = *held_where_refused || state.held > 0;
      state.fits_at_us = FitsAt(use, state.held);
    }
    states.push_back(state);
  }
  return states;
}

bool Oracle::AnyDue(int partition) const {
  return std::any_of(open_.begin(), open_.end(), [&](const Id& id) {
    const Reservation& r = reservations_.at(id);
    return r.partition == partition && now_us >= r.expires_us;
  });
}

void Oracle::End(const Id& id, ReservationState state) {
  Reservation& reservation = reservations_[id];
  reservation.state = state;
  reservation.holds.clear();
  open_.erase(id);
}

int Oracle::Sweep(int partition) {
  std::vector<Id> due;
  for (const Id& id : open_) {
    const Reservation& r = reservations_.at(id);
    if (r.partition == partition && now_us >= r.expires_us) due.push_back(id);
  }
  for (const Id& id : due) End(id, ReservationState::kExpired);
  return static_cast<int>(due.size());
}

ReserveResult Oracle::Reserve(const ReserveCall& call) {
  ReserveResult result;
  const auto known = reservations_.find({call.key.org, call.key.id});
  if (known != reservations_.end()) {
    const Reservation& r = known->second;
    const bool expired = r.state == ReservationState::kHeld && now_us >= r.expires_us;
    if (r.state != ReservationState::kHeld || expired) {
      result.outcome = ReserveResult::Outcome::kEnded;
      result.state = expired ? ReservationState::kExpired : r.state;
      return result;
    }
    if (r.request != call.request_fingerprint || r.subject != call.subject_fingerprint) {
      result.outcome = ReserveResult::Outcome::kMismatch;
      return result;
    }
    result = r.first;
    const auto same = [](const CounterUse& one, const Digest& other) {
      return one.counter.view() == other.view();
    };
    if (!std::equal(call.uses.begin(), call.uses.end(), r.seen.begin(), r.seen.end(), same)) {
      result.counters.clear();
    }
    result.replayed = true;
    result.expires_at_us = r.expires_us;
    return result;
  }
  if (call.refuse) {
    result.outcome = ReserveResult::Outcome::kRefused;
    result.now_us = now_us;
    return result;
  }
  const int partition = PartitionOf(call.key.org, partitions_);
  bool refused, held;
  result.counters = States(call.uses, {}, &refused, &held);
  if (refused && held && AnyDue(partition)) {
    Sweep(partition);
    result.counters = States(call.uses, {}, &refused, &held);
  }
  result.now_us = now_us;
  if (refused) {
    result.outcome = ReserveResult::Outcome::kRefused;
    return result;
  }
  result.expires_at_us = now_us + call.ttl_us;
  result.cost_nano_usd = call.cost_nano_usd;
  Reservation r;
  r.request = call.request_fingerprint;
  r.subject = call.subject_fingerprint;
  r.expires_us = result.expires_at_us;
  r.cost = call.cost_nano_usd;
  r.tokens = call.tokens;
  for (const CounterUse& use : call.uses) r.holds[std::string(use.counter.view())] = use.hold;
  r.first = result;
  for (const CounterUse& use : call.uses) r.seen.push_back(use.counter);
  r.partition = partition;
  reservations_[{call.key.org, call.key.id}] = r;
  open_.insert({call.key.org, call.key.id});
  return result;
}

ExtendResult Oracle::Extend(const ExtendCall& call) {
  ExtendResult result;
  const auto known = reservations_.find({call.key.org, call.key.id});
  if (known == reservations_.end() || known->second.state != ReservationState::kHeld ||
      now_us >= known->second.expires_us) {
    result.outcome = ExtendResult::Outcome::kEnded;
    result.state = known == reservations_.end()                     ? ReservationState::kUnknown
                   : known->second.state == ReservationState::kHeld ? ReservationState::kExpired
                                                                    : known->second.state;
    return result;
  }
  Reservation& r = known->second;
  if (r.subject != call.subject_fingerprint) {
    result.outcome = ExtendResult::Outcome::kSubjectMismatch;
    return result;
  }
  if (call.sequence <= r.sequence) {
    result.outcome = call.sequence < r.sequence             ? ExtendResult::Outcome::kStale
                     : r.extend != call.request_fingerprint ? ExtendResult::Outcome::kMismatch
                                                            : ExtendResult::Outcome::kExtended;
    if (result.outcome == ExtendResult::Outcome::kExtended) {
      result.replayed = true;
      result.now_us = now_us;
      result.expires_at_us = r.expires_us;
    }
    return result;
  }
  if (call.refuse) {
    result.outcome = ExtendResult::Outcome::kRefused;
    result.now_us = now_us;
    return result;
  }
  // A map that is never empty, so that States takes every use as raising only past what is held.
  std::map<std::string, int64_t> own = r.holds;
  own[""] = 0;
  bool refused, held;
  result.counters = States(call.uses, own, &refused, &held);
  if (refused && held && AnyDue(r.partition)) {
    Sweep(r.partition);
    result.counters = States(call.uses, own, &refused, &held);
  }
  result.now_us = now_us;
  if (refused) {
    result.outcome = ExtendResult::Outcome::kRefused;
    return result;
  }
  for (const CounterUse& use : call.uses) {
    int64_t& hold = r.holds[std::string(use.counter.view())];
    hold = std::max(hold, use.hold);
  }
  if (call.ttl_us > 0) r.expires_us = std::max(r.expires_us, now_us + call.ttl_us);
  r.cost = std::max(r.cost, call.cost_nano_usd);
  r.tokens = std::max(r.tokens, call.tokens);
  r.sequence = call.sequence;
  r.extend = call.request_fingerprint;
  result.expires_at_us = r.expires_us;
  return result;
}

CommitResult Oracle::Commit(const CommitCall& call) {
  CommitResult result;
  Reservation& r = reservations_[{call.key.org, call.key.id}];
  const bool made = r.request != 0;  // fingerprints are never 0 here
  if (made && r.state == ReservationState::kCommitted) {
    result = r.outcome;
    const bool same = r.usage == call.usage_fingerprint;
    result.replayed = same;
    if (!same) result.outcome = CommitResult::Outcome::kMismatch;
    return result;
  }
  if (made && r.state == ReservationState::kReleased) {
    result.outcome = CommitResult::Outcome::kReleased;
    return result;
  }
  if (made && call.record && r.state == ReservationState::kHeld) {
    result.outcome = CommitResult::Outcome::kHeld;
    return result;
  }
  if (made && r.subject != call.subject_fingerprint) {
    result.outcome = CommitResult::Outcome::kSubjectMismatch;
    return result;
  }
  result.now_us = now_us;
  result.cost_nano_usd = call.cost_nano_usd;
  if (made) {
    result.late = r.state == ReservationState::kExpired || now_us >= r.expires_us;
    result.held_nano_usd = r.cost;
    result.overrun_nano_usd = std::max<int64_t>(0, call.cost_nano_usd - r.cost);
    result.overrun_tokens = std::max<int64_t>(0, call.tokens - r.tokens);
  } else {
    result.late = result.unreserved = !call.record;
  }
  for (const CounterUse& use : call.uses) {
    const int64_t before = Committed(use);
    if (use.charge > 0) charges_[std::string(use.counter.view())].push_back({now_us, use.charge});
    TellCharge(call, use, before);
  }
  End({call.key.org, call.key.id}, ReservationState::kCommitted);
  r.usage = call.usage_fingerprint;
  r.request = 1;
  r.outcome = result;
  return result;
}

std::map<int64_t, Oracle::Told>& Oracle::ToldOf(const CounterUse& use, int64_t* period_us) {
  *period_us =
      use.window->kind == WindowKind::kCalendar ? PeriodAt(*use.window, now_us).start_us : 0;
  return told_[{std::string(use.counter.view()), *period_us}];
}

bool Oracle::IsRecent(const CounterUse& use, const Told& told) const {
  return use.window->kind != WindowKind::kSliding ||
         now_us - told.at_us < kSlots * SlotWidthUs(*use.window);
}

void Oracle::Tell(const std::string& org, const CounterUse& use, int64_t threshold,
                  int64_t period_us, bool refused, const DescribeThreshold& describe) {
  const bool sliding = use.window->kind == WindowKind::kSliding;
  crossings_[PartitionOf(org, partitions_)].push_back({use.counter, threshold, Committed(use),
                                                       sliding ? now_us : period_us, now_us,
                                                       refused, describe(use.counter, threshold)});
}

void Oracle::TellCharge(const CommitCall& call, const CounterUse& use, int64_t before) {
  int64_t period_us;
  std::map<int64_t, Told>& told = ToldOf(use, &period_us);
  for (const int64_t threshold : use.thresholds) {
    if (Committed(use) < threshold) continue;
    const auto known = told.find(threshold);
    const bool again = use.window->kind == WindowKind::kSliding && before < threshold;
    if (known != told.end() && !again) continue;
    // A refusal has told it already.
    const bool by_refusal =
        known != told.end() && known->second.refused && IsRecent(use, known->second);
    if (!by_refusal) Tell(call.key.org, use, threshold, period_us, false, call.describe);
    told[threshold] = {now_us, false};
  }
}

void Oracle::TellRefused(const TellRefusedCall& call) {
  for (const CounterUse& use : call.uses) {
    int64_t period_us;
    std::map<int64_t, Told>& told = ToldOf(use, &period_us);
    const int64_t committed = Committed(use);
    for (const int64_t threshold : use.thresholds) {
      const auto known = told.find(threshold);
      if (known != told.end() && IsRecent(use, known->second)) continue;
      if (committed >= threshold || 10 * committed < 9 * threshold) continue;
      if (use.hold > threshold || committed + use.hold <= threshold) continue;
      Tell(call.org, use, threshold, period_us, true, call.describe);
      told[threshold] = {now_us, true};
    }
  }
}

ReleaseResult Oracle::Release(const ReservationKey& key) {
  ReleaseResult result;
  const auto known = reservations_.find({key.org, key.id});
  if (known == reservations_.end()) {
    result.state = ReservationState::kUnknown;
    return result;
  }
  Reservation& r = known->second;
  if (r.state == ReservationState::kHeld) {
    End({key.org, key.id},
        now_us >= r.expires_us ? ReservationState::kExpired : ReservationState::kReleased);
  } else {
    result.replayed = r.state != ReservationState::kCommitted;
  }
  result.state = r.state;
  return result;
}

ReadResult Oracle::Read(const std::vector<CounterUse>& uses) {
  bool refused, held;
  ReadResult result;
  result.now_us = now_us;
  result.counters = States(uses, {}, &refused, &held);
  return result;
}

}  // namespace quotaplane
