#include "libs/backtest/window_counters.h"

#include <algorithm>
#include <utility>

#include "libs/admission/demand.h"

namespace quotaplane {

uint32_t WindowCounters::WindowOf(const WindowSpec& window) {
  const auto [known, is_new] = by_spec_.try_emplace(&window, windows_.size());
  if (is_new) windows_.push_back({&window, {}});
  return known->second;
}

uint32_t WindowCounters::PlaceOf(const Digest& name, const WindowSpec& window) {
  const auto [known, is_new] = by_name_.try_emplace(name, counters_.size());
  if (is_new) {
    counters_.emplace_back();
    counters_.back().window = WindowOf(window);
  }
  return known->second;
}

void WindowCounters::Advance(Counter& counter, int64_t now_us) {
  Window& window = windows_[counter.window];
  switch (window.spec->kind) {
    case WindowKind::kLifetime:
      break;
    case WindowKind::kCalendar:
      if (now_us < counter.end_us) break;
      if (now_us < window.period.start_us || now_us >= window.period.end_us) {
        window.period = PeriodAt(*window.spec, now_us);
      }
      counter.sum = 0;
      counter.end_us = window.period.end_us;
      break;
    case WindowKind::kSliding: {
      const int64_t first = SlotAt(*window.spec, now_us) - kSlots;
      if (counter.slots.empty() || counter.slots.front().number >= first) break;
      const auto kept = std::find_if(counter.slots.begin(), counter.slots.end(),
                                     [&](const Slot& slot) { return slot.number >= first; });
      slots_ -= static_cast<size_t>(kept - counter.slots.begin());
      counter.slots.erase(counter.slots.begin(), kept);
      counter.sum = 0;
      for (const Slot& slot : counter.slots) counter.sum = SaturatingAdd(counter.sum, slot.sum);
      break;
    }
  }
}

int64_t WindowCounters::Used(uint32_t place, int64_t now_us) {
  Advance(counters_[place], now_us);
  return counters_[place].sum;
}

void WindowCounters::Add(uint32_t place, int64_t now_us, int64_t amount) {
  Counter& counter = counters_[place];
  Advance(counter, now_us);
  counter.sum = SaturatingAdd(counter.sum, amount);
  const WindowSpec& window = *windows_[counter.window].spec;
  if (window.kind != WindowKind::kSliding) return;
  const int64_t slot = SlotAt(window, now_us);
  if (counter.slots.empty() || counter.slots.back().number != slot) {
    counter.slots.push_back({slot, 0});
    ++slots_;
  }
  counter.slots.back().sum = SaturatingAdd(counter.slots.back().sum, amount);
}

absl::Status WindowCounters::Tidy(int64_t now_us, bool* moved) {
  *moved = false;
  if (counters_.size() < tidy_at_counters_ && slots_ < tidy_at_slots_) return absl::OkStatus();
  *moved = true;
  std::vector<Counter> kept;
  for (auto named = by_name_.begin(); named != by_name_.end();) {
    Counter& counter = counters_[named->second];
    Advance(counter, now_us);
    const auto here = named++;
    if (counter.sum == 0) {
      slots_ -= counter.slots.size();
      by_name_.erase(here);
      continue;
    }
    here->second = static_cast<uint32_t>(kept.size());
    counter.slots.shrink_to_fit();
    kept.push_back(std::move(counter));
  }
  counters_ = std::move(kept);
  if (counters_.size() > kMaxReplayCounters || slots_ > kMaxReplaySlots) {
    return absl::ResourceExhaustedError(
        "the policy needs more counters at once than a replay can keep: it counts by something "
        "that has too many values");
  }
  // So that the work is little for each counter that was made.
  tidy_at_counters_ = std::max(kFirstTidy, 2 * counters_.size());
  tidy_at_slots_ = std::max(10 * kFirstTidy, 2 * slots_);
  return absl::OkStatus();
}

}  // namespace quotaplane
