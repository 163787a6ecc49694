// A latency histogram: fixed size, 2^-5 relative error, from 1 ns to 68 s. HdrHistogram's idea:
// buckets double, each cut into equal parts.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace quotaplane::bench {

class Histogram {
 public:
  void Add(int64_t ns);
  void Merge(const Histogram& other);

  int64_t count() const { return count_; }
  // The smallest value that at least `quantile` (0 to 1) of the samples do not exceed, rounded up
  // to its bucket's end; 0 without samples.
  int64_t ValueAt(double quantile) const;

  struct Bucket {
    int64_t low_ns;   // inclusive
    int64_t high_ns;  // exclusive
    int64_t count;
  };
  // The buckets that have samples, ascending.
  std::vector<Bucket> Buckets() const;

 private:
  static constexpr int kSubBits = 5;
  static constexpr int kOctaves = 32;
  static int IndexOf(int64_t ns);
  static int64_t LowOf(int index);

  std::array<int64_t, (kOctaves << kSubBits)> counts_{};
  int64_t count_ = 0;
};

}  // namespace quotaplane::bench
