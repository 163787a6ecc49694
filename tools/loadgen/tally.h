// What a run adds up to.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
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
  int64_t spent_nano_usd = 0;
  std::map<LimitEffect, int64_t> by_limit;
  std::map<std::string, TeamTally> by_team;
  Latencies reserve, commit;

  void Merge(const Tally& other);
};

}  // namespace quotaplane::loadgen
