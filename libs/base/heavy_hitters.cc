#include "libs/base/heavy_hitters.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "libs/base/absl_view.h"

namespace quotaplane {
namespace {

int64_t SaturatingAdd(int64_t a, int64_t b) {
  return a > std::numeric_limits<int64_t>::max() - b ? std::numeric_limits<int64_t>::max() : a + b;
}

}  // namespace

HeavyHitters::HeavyHitters(size_t most) : most_(std::max<size_t>(1, most)) {}

void HeavyHitters::Add(std::string_view name, int64_t weight) {
  if (weight <= 0) return;
  const auto known = places_.find(AbslView(name));
  if (known != places_.end()) {
    Hitter& hitter = heap_[known->second];
    hitter.sum = SaturatingAdd(hitter.sum, weight);
    return SiftDown(known->second);
  }
  if (heap_.size() < most_) {
    places_.emplace(std::string(name), heap_.size());
    heap_.push_back({std::string(name), weight, 0});
    return SiftUp(heap_.size() - 1);
  }
  Hitter& least = heap_.front();
  places_.erase(least.name);
  places_.emplace(std::string(name), 0);
  least = {std::string(name), SaturatingAdd(least.sum, weight), least.sum};
  SiftDown(0);
}

void HeavyHitters::Clear() {
  heap_.clear();
  places_.clear();
}

std::vector<HeavyHitters::Hitter> HeavyHitters::Top(size_t count) const {
  std::vector<Hitter> top = heap_;
  count = std::min(count, top.size());
  std::partial_sort(top.begin(), top.begin() + static_cast<std::ptrdiff_t>(count), top.end(),
                    [](const Hitter& a, const Hitter& b) {
                      return a.sum != b.sum ? a.sum > b.sum : a.name < b.name;
                    });
  top.resize(count);
  return top;
}

void HeavyHitters::SiftUp(size_t place) {
  for (; place > 0 && heap_[place].sum < heap_[(place - 1) / 2].sum; place = (place - 1) / 2) {
    Swap(place, (place - 1) / 2);
  }
}

void HeavyHitters::SiftDown(size_t place) {
  for (;;) {
    size_t least = place;
    for (const size_t child : {2 * place + 1, 2 * place + 2}) {
      if (child < heap_.size() && heap_[child].sum < heap_[least].sum) least = child;
    }
    if (least == place) return;
    Swap(place, least);
    place = least;
  }
}

void HeavyHitters::Swap(size_t a, size_t b) {
  std::swap(heap_[a], heap_[b]);
  places_.find(heap_[a].name)->second = a;
  places_.find(heap_[b].name)->second = b;
}

}  // namespace quotaplane
