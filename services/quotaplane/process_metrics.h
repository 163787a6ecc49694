// The process itself, and its connections to the counter store, as metrics.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/admission/snapshot.h"
#include "libs/metrics/family.h"
#include "libs/redis/client.h"

namespace quotaplane {

// Processor time, memory, files, by the names that Prometheus' own libraries use; its roles, and
// how much of its log was left out.
std::vector<metrics::Family> ProcessMetrics(const std::vector<std::string>& roles);

// By whose they are: "counters", "ledger", ….
using NamedClients = std::vector<std::pair<std::string, const redis::Client*>>;
// `partitions`: of the counter store.
std::vector<metrics::Family> RedisMetrics(const NamedClients& clients, int partitions);

// What is in force. One scrape at a time.
class SnapshotMetrics {
 public:
  // `snapshots` must outlive it.
  explicit SnapshotMetrics(const SnapshotHolder* snapshots);

  // The age is exact to the time between two calls.
  std::vector<metrics::Family> Collect(absl::Time now);

 private:
  const SnapshotHolder* const snapshots_;
  absl::Time since_;
  int64_t changes_;
};

}  // namespace quotaplane
