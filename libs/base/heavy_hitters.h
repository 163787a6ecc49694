// Who has the most, of more than can be kept: the space-saving algorithm (Metwally, Agrawal and
// El Abbadi, 2005) with weights.
//
// It keeps a fixed number of names. A name that is not among them takes the place, and the sum, of
// the one with the least: so a sum may be too high, by no more than what the name took over, and
// whoever has more than total / most is among those kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace quotaplane {

// Not thread-safe.
class HeavyHitters {
 public:
  struct Hitter {
    std::string name;
    int64_t sum = 0;  // its true sum is in [sum - overestimate, sum]
    int64_t overestimate = 0;
  };

  explicit HeavyHitters(size_t most);  // >= 1

  // In logarithmic time. `weight` > 0; sums saturate.
  void Add(std::string_view name, int64_t weight);
  void Clear();

  size_t size() const { return heap_.size(); }
  // The first `count`, those with the highest sums first; of equals by name.
  std::vector<Hitter> Top(size_t count) const;

 private:
  // The heap's place i has the least sum of its subtree; `places_` says where each name is.
  void SiftUp(size_t place);
  void SiftDown(size_t place);
  void Swap(size_t a, size_t b);

  const size_t most_;
  std::vector<Hitter> heap_;
  absl::flat_hash_map<std::string, size_t> places_;
};

}  // namespace quotaplane
