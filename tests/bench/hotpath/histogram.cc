#include "tests/bench/hotpath/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace quotaplane::bench {

// Values under 2^kSubBits have a bucket each; the octave [2^k, 2^(k+1)) has 2^kSubBits buckets.
int Histogram::IndexOf(int64_t ns) {
  const auto value = static_cast<uint64_t>(std::max<int64_t>(ns, 0));
  constexpr uint64_t kLinear = uint64_t{1} << kSubBits;
  if (value < kLinear) return static_cast<int>(value);
  const int octave = std::bit_width(value) - 1 - kSubBits;
  const int index = (octave << kSubBits) + static_cast<int>(value >> octave);
  return std::min(index, (kOctaves << kSubBits) - 1);
}

int64_t Histogram::LowOf(int index) {
  const int octave = std::max(0, (index >> kSubBits) - 1);
  return static_cast<int64_t>(index - (octave << kSubBits)) << octave;
}

void Histogram::Add(int64_t ns) {
  ++counts_[IndexOf(ns)];
  ++count_;
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
}

int64_t Histogram::ValueAt(double quantile) const {
  if (count_ == 0) return 0;
  const auto wanted =
      std::max<int64_t>(1, static_cast<int64_t>(std::ceil(quantile * static_cast<double>(count_))));
  int64_t seen = 0;
  int index = 0;
  while ((seen += counts_[index]) < wanted) ++index;
  return LowOf(index + 1) - 1;
}

std::vector<Histogram::Bucket> Histogram::Buckets() const {
  std::vector<Bucket> buckets;
  for (int i = 0; i < static_cast<int>(counts_.size()); ++i) {
    if (counts_[i] > 0) buckets.push_back({LowOf(i), LowOf(i + 1), counts_[i]});
  }
  return buckets;
}

}  // namespace quotaplane::bench
