// What one run of the benchmark found, and the target it is held to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quotaplane::bench {

inline constexpr double kTargetP99Ms = 1'000;

// From the sending of the admin's call to the first Reserve on the slower of two replicas that is
// decided by it.
struct Enforced {
  std::string what;            // "amount", "key_revoked"
  std::vector<double> ms;      // each change
  std::vector<double> rpc_ms;  // of these, until the admin had the answer

  double At(double quantile) const;
  double RpcAt(double quantile) const;
};

struct Measured {
  std::string database;  // "sqlite", "postgres"
  int64_t overrides = 0;
  int64_t keys = 0;
  std::vector<Enforced> changes;  // of each kind
  double fill_s = 0;              // until both replicas had everything, from an empty board on
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
