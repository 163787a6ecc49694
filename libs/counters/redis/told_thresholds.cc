#include "libs/counters/redis/told_thresholds.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace quotaplane {

std::vector<uint32_t> ToldThresholds::Known(std::span<const CounterUse> uses, int64_t now_us,
                                            bool for_refusal) {
  std::vector<uint32_t> known;
  MutexLock lock(mutex_);
  if (new_.empty() && old_.empty()) return known;
  for (size_t i = 0; i < uses.size(); ++i) {
    const CounterUse& use = uses[i];
    if (use.thresholds.empty()) continue;
    const Told* told = Find(use.counter);
    if (told == nullptr || now_us >= told->until_us) continue;
    const bool ages = for_refusal && use.window->kind == WindowKind::kSliding;
    const int64_t since_us =
        ages ? now_us - kSlots * SlotWidthUs(*use.window) : std::numeric_limits<int64_t>::min();
    if (known.empty()) known.resize(uses.size());
    const size_t count = std::min(use.thresholds.size(), kMaxThresholdsPerCounter);
    for (const Threshold& one : told->thresholds) {
      if (one.told_us <= since_us) continue;
      for (size_t bit = 0; bit < count; ++bit) {
        if (use.thresholds[bit] == one.value) known[i] |= uint32_t{1} << bit;
      }
    }
  }
  return known;
}

void ToldThresholds::Add(const Digest& counter, int64_t threshold, int64_t told_us,
                         int64_t until_us) {
  MutexLock lock(mutex_);
  Told* told = Find(counter);
  if (told == nullptr) {
    MakeRoom();
    told = &new_[counter];
  }
  auto& all = told->thresholds;
  if (told->until_us != until_us) all.clear();
  told->until_us = until_us;
  const auto same = [&](const Threshold& one) { return one.value == threshold; };
  const auto known = std::find_if(all.begin(), all.end(), same);
  if (known != all.end()) {
    known->told_us = std::max(known->told_us, told_us);
    return;
  }
  // Amounts are edited now and then; those of before are asked about no more.
  if (all.size() >= kMaxThresholdsPerCounter) all.erase(all.begin());
  all.push_back({threshold, told_us});
}

ToldThresholds::Told* ToldThresholds::Find(const Digest& counter) {
  const auto found = new_.find(counter);
  if (found != new_.end()) return &found->second;
  const auto before = old_.find(counter);
  if (before == old_.end()) return nullptr;
  Told told = std::move(before->second);
  old_.erase(before);
  MakeRoom();
  return &(new_[counter] = std::move(told));
}

void ToldThresholds::MakeRoom() {
  if (new_.size() < most_counters_) return;
  old_ = std::move(new_);
  new_.clear();
}

}  // namespace quotaplane
