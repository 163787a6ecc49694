// Random numbers that are the same everywhere for a seed. (The standard library's engines are, its
// distributions are not.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace quotaplane::client {

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Not
// thread-safe.
class Random {
 public:
  // Streams of different (seed, stream) do not resemble each other.
  explicit Random(uint64_t seed, uint64_t stream = 0);

  uint64_t Next();
  // 0 to n-1. Requires n > 0.
  uint64_t Below(uint64_t n);
  // 0 <= x < 1.
  double Unit();
  bool Chance(double probability) { return Unit() < probability; }
  // Log-normal: half of the values are below `median`; `sigma` is the deviation of the logarithm.
  double LogNormal(double median, double sigma);
  // An index, with probability proportional to its weight. Requires a positive sum.
  size_t Pick(std::span<const double> weights);

 private:
  uint64_t state_;
};

}  // namespace quotaplane::client
