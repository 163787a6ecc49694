// Load on the server, and how long its answers took.
//
// Closed loop: N callers, each of which sends its next request when the last is answered. It tells
// the throughput. Open loop: requests come at random times (Poisson) at a given rate, whether the
// server keeps up or not, and latency counts from when a request was due; a server that stalls is
// charged for everybody who had to wait. It tells what users feel.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/bench/hotpath/client.h"
#include "tests/bench/hotpath/histogram.h"
#include "tests/bench/hotpath/population.h"

namespace quotaplane::bench {

enum class Operation { kEmpty, kReserve, kCommit, kPair };

struct ClosedResult {
  Histogram latency;  // of a pair: Reserve's start to Commit's end
  double per_s = 0;
};

// Numbers of reservations: fresh ones, from `next` up to `end`, and those that are open.
struct Reservations {
  int64_t next = 0;
  int64_t end = INT64_MAX;
  std::vector<int64_t> open;  // reserved and not yet committed
};

// Runs `operation`, `in_flight` at a time, for `seconds` or until there are no more reservations;
// the first tenth warms up and is not counted. kReserve leaves its reservations in
// `reservations->open`; kCommit commits all of those, however long it takes. All calls are answered
// on return.
ClosedResult RunClosed(Client* client, const Population& population, Operation operation,
                       int in_flight, double seconds, Reservations* reservations);

struct OpenResult {
  Histogram pair;     // from when the pair was due to the end of its Commit
  Histogram reserve;  // from when the pair was due to the end of its Reserve
  Histogram commit;   // from the start of the Commit to its end
  double per_s = 0;
  // More than 1,000 pairs were waiting for their answers: the rate is past what the server can do.
  // The run ended early.
  bool swamped = false;
};

// Starts pairs at `rate` per second for `seconds`. All calls are answered on return.
OpenResult RunOpen(Client* client, const Population& population, double rate, double seconds,
                   uint64_t seed, Reservations* reservations);

}  // namespace quotaplane::bench
