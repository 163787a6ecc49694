// What one run of the benchmark found, and the target it is held to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quotaplane::bench {

inline constexpr double kTargetP99Ms = 1'000;

// From the change's beginning to the first call on the slower of two replicas that is decided by
// it.
struct Enforced {
  std::vector<double> ms;         // each change
  std::vector<double> commit_ms;  // of these, until the database had it

  double At(double quantile) const;
  double CommitAt(double quantile) const;
};

struct Measured {
  std::string database;  // "sqlite", "postgres"
  std::string version;
  int64_t overrides = 0;
  int64_t keys = 0;
  int64_t policy_bytes = 0;  // of the policy's item
  Enforced policies;
  Enforced revocations;
  double fill_s = 0;            // until both replicas had everything, from an empty board on
  double look_redis_us = 0;     // of the store's processor, a look of a replica at the board's head
  double idle_redis_share = 0;  // of one processor, all that both replicas ask of the store
  std::string load_average;
};

struct Results {
  std::vector<Measured> runs;
  std::string commit;
  std::string cpu;
  int cores = 0;
  std::string date;  // RFC 3339, UTC

  double WorstP99Ms() const;
};

std::string JsonReport(const Results& results);
// For a terminal.
std::string TextReport(const Results& results);

}  // namespace quotaplane::bench
