// How many bytes of Redis a counter costs, all included: its keys, the hash tables' share, the
// index entries.
//
// Not from MEMORY USAGE, which knows neither tables nor indexes, but from how used_memory grows.
// Traffic of users who have no counters yet is followed by the same traffic of the same users: both
// leave the same tombstones and ledger records, so the difference is the counters.
#pragma once

#include <string>

namespace quotaplane::bench {

enum class CounterKind { kCalendar, kSliding };

struct CounterMemory {
  double bytes = 0;  // per counter
  double keys = 0;   // per counter
};

// Starts a server of its own with one limit per user, and drives `users`. Sliding counters are
// charged in two slots, so that their rings exist.
CounterMemory MeasureCounterMemory(const std::string& program, const std::string& assets,
                                   CounterKind kind, int users);

}  // namespace quotaplane::bench
