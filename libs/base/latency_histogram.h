// Durations, counted by many threads at once and read while they are.
//
// A record is two relaxed additions into a shard that the thread shares with few others: no lock,
// and no line of the cache that all cores write to. So it takes some 15 ns wherever it stands
// (tests/bench/metrics_bench.cc), and a reader stops nobody.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace quotaplane {

class LatencyHistogram {
 public:
  // The buckets' upper bounds, which belong to them. From 50 us to 10 ms each is at most one and a
  // half times the one before, so that a quantile between two of them is known that well. Their
  // decimals survive being printed with 16 digits as doubles of seconds, which those of 75 us would
  // not.
  static constexpr std::array<int64_t, 25> kBoundsNs = {
      50'000,      72'000,      100'000,       150'000,       200'000,
      300'000,     400'000,     500'000,       750'000,       1'000'000,
      1'500'000,   2'000'000,   3'000'000,     4'000'000,     5'000'000,
      7'500'000,   10'000'000,  25'000'000,    50'000'000,    100'000'000,
      250'000'000, 500'000'000, 1'000'000'000, 2'500'000'000, 10'000'000'000};
  static constexpr size_t kBuckets = kBoundsNs.size() + 1;  // the last: longer than any bound

  struct Snapshot {
    std::array<int64_t, kBuckets> counts = {};  // of each bucket by itself
    int64_t sum_ns = 0;

    int64_t count() const;
  };

  LatencyHistogram() = default;
  LatencyHistogram(const LatencyHistogram&) = delete;
  LatencyHistogram& operator=(const LatencyHistogram&) = delete;

  // Negative durations count as 0. Thread-safe.
  void Record(std::chrono::nanoseconds duration);
  // What was recorded before the call, and some of what is recorded during it: of a record that is
  // under way the sum may lack, or have more than, what the buckets have. Thread-safe.
  Snapshot Read() const;

 private:
  static constexpr size_t kShards = 4;
  struct alignas(64) Shard {
    std::array<std::atomic<int64_t>, kBuckets> counts = {};
    std::atomic<int64_t> sum_ns = 0;
  };

  std::array<Shard, kShards> shards_;
};

}  // namespace quotaplane
