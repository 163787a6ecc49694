// What a run adds up to.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "quotaplane/v1/quota.pb.h"

namespace quotaplane::loadgen {

// Durations of calls. Not thread-safe.
class Latencies {
 public:
  void Add(absl::Duration latency) { latencies_.push_back(latency); }
  void Merge(const Latencies& other);
  size_t count() const { return latencies_.size(); }
  // The smallest one that `share` of all do not exceed (nearest rank); zero where there are none.
  absl::Duration Percentile(double share) const;

 private:
  std::vector<absl::Duration> latencies_;
};

// What a limit (or rule) did to requests.
enum class Effect { kRefused, kDowngraded, kNoticed };
const char* EffectWord(Effect effect);

struct LimitEffect {
  std::string limit_id;
  std::string unit;
  Effect effect = Effect::kRefused;
  friend auto operator<=>(const LimitEffect&, const LimitEffect&) = default;
};

struct TeamTally {
  int64_t requests = 0;
  int64_t refused = 0;
  int64_t spent_nano_usd = 0;
  // By how much a hard limit can be past its amount at any one time though nothing was admitted
  // past it: by what commits charged above what they held. After the last admission under a limit
  // only what was open then may overrun; so of each thread its largest overruns count, as many as
  // it has open calls. What had no hold (its reservation had ended or was lost) counts always, and
  // so does what waited on a disk while others were admitted.
  int64_t excusable_nano_usd = 0;
};

// The sum of the largest `count` of what was added. Not thread-safe.
class LargestSum {
 public:
  explicit LargestSum(size_t count) : count_(count) {}
  void Add(int64_t value);
  int64_t sum() const { return sum_; }

 private:
  const size_t count_;
  std::multiset<int64_t> largest_;
  int64_t sum_ = 0;
};

// Not thread-safe; each worker fills in one of its own, and they are merged.
struct Tally {
  int64_t requests = 0;
  int64_t allowed = 0;       // soft ones and downgraded ones included
  int64_t allowed_soft = 0;  // a soft or shadow limit was exceeded
  int64_t downgraded = 0;    // allowed with another model than the one asked for
  int64_t refused = 0;
  int64_t committed = 0;
  int64_t released = 0;
  int64_t extended = 0;
  int64_t cut = 0;       // streams whose Extend was refused
  int64_t retries = 0;   // commits sent twice; the second one charged nothing
  int64_t overruns = 0;  // commits past their hold
  int64_t spooled = 0;   // commits that waited on a replica's disk
  int64_t unheld = 0;    // commits of reservations that had ended or were lost
  int64_t outage = 0;    // refused since the counters could not be reached: by no limit
  int64_t failed = 0;    // calls without an answer, for all that they were repeated
  int64_t spent_nano_usd = 0;
  std::map<LimitEffect, int64_t> by_limit;
  std::map<std::string, TeamTally> by_team;
  Latencies reserve, commit;

  void Merge(const Tally& other);
};

}  // namespace quotaplane::loadgen
