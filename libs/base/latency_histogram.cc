#include "libs/base/latency_histogram.h"

#include <algorithm>
#include <numeric>

namespace quotaplane {
namespace {

// Threads take shards in turns, each one for its life.
size_t ThreadNumber() {
  static std::atomic<size_t> threads = 0;
  thread_local const size_t kNumber = threads.fetch_add(1, std::memory_order_relaxed);
  return kNumber;
}

}  // namespace

int64_t LatencyHistogram::Snapshot::count() const {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

void LatencyHistogram::Record(std::chrono::nanoseconds duration) {
  const int64_t ns = std::max<int64_t>(0, duration.count());
  const auto bucket = std::lower_bound(kBoundsNs.begin(), kBoundsNs.end(), ns) - kBoundsNs.begin();
  Shard& shard = shards_[ThreadNumber() % kShards];
  shard.counts[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  shard.sum_ns.fetch_add(ns, std::memory_order_relaxed);
}

LatencyHistogram::Snapshot LatencyHistogram::Read() const {
  Snapshot all;
  for (const Shard& shard : shards_) {
    for (size_t i = 0; i < kBuckets; ++i) {
      all.counts[i] += shard.counts[i].load(std::memory_order_relaxed);
    }
    all.sum_ns += shard.sum_ns.load(std::memory_order_relaxed);
  }
  return all;
}

}  // namespace quotaplane
