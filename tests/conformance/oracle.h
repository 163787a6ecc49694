// What the counter store is supposed to do, said as plainly as possible: a log of every charge, a
// map of every hold, and sums over them at each call. Slow, single-threaded, obviously right.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libs/counters/counter_store.h"
#include "libs/counters/crossing.h"

namespace quotaplane {

class Oracle {
 public:
  // Partitions decide which overdue reservations a refusal sweeps.
  explicit Oracle(int partitions) : partitions_(partitions) {}

  int64_t now_us = 0;

  ReserveResult Reserve(const ReserveCall& call);
  ExtendResult Extend(const ExtendCall& call);
  CommitResult Commit(const CommitCall& call);
  ReleaseResult Release(const ReservationKey& key);
  ReadResult Read(const std::vector<CounterUse>& uses);
  int Sweep(int partition);
  void TellRefused(const TellRefusedCall& call);

  // What has been told since the last call, by partition, in order.
  std::map<int, std::vector<Crossing>> TakeCrossings() { return std::exchange(crossings_, {}); }

  // Charges of a counter within (now - length, now], to the microsecond: what a sliding window
  // approximates from above.
  int64_t ExactSum(const Digest& counter, int64_t length_us) const;

 private:
  struct Charge {
    int64_t at_us;
    int64_t amount;
  };
  struct Reservation {
    ReservationState state = ReservationState::kHeld;
    uint64_t request = 0, subject = 0, extend = 0, usage = 0;
    int64_t expires_us = 0, sequence = 0, cost = 0, tokens = 0;
    std::map<std::string, int64_t> holds;  // by counter digest
    ReserveResult first;
    std::vector<Digest> seen;  // the counters of `first`
    CommitResult outcome;
    int partition = 0;
  };
  using Id = std::pair<std::string, std::string>;

  int64_t Held(const Digest& counter) const;
  int64_t Committed(const CounterUse& use) const;
  int64_t FitsAt(const CounterUse& use, int64_t held) const;
  // States with `own` holds taken off; *refused where one exceeds its max_used.
  std::vector<CounterState> States(const std::vector<CounterUse>& uses,
                                   const std::map<std::string, int64_t>& own, bool* refused,
                                   bool* held_where_refused) const;
  bool AnyDue(int partition) const;
  // Of a counter: when each threshold was told in the period that it is of.
  struct Told {
    int64_t at_us = 0;
    bool refused = false;
  };
  std::map<int64_t, Told>& ToldOf(const CounterUse& use, int64_t* period_us);
  bool IsRecent(const CounterUse& use, const Told& told) const;
  void Tell(const std::string& org, const CounterUse& use, int64_t threshold, int64_t period_us,
            bool refused, const DescribeThreshold& describe);
  void TellCharge(const CommitCall& call, const CounterUse& use, int64_t before);
  void End(const Id& id, ReservationState state);

  const int partitions_;
  std::map<Id, Reservation> reservations_;
  std::set<Id> open_;  // those in state kHeld
  std::map<std::string, std::vector<Charge>> charges_;
  std::map<std::pair<std::string, int64_t>, std::map<int64_t, Told>> told_;  // by counter, period
  std::map<int, std::vector<Crossing>> crossings_;
};

}  // namespace quotaplane
