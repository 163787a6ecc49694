// Counters in memory that count as the store's do (libs/window, libs/counters): a sliding window by
// 60 slots and the one under way, a calendar window by periods, a lifetime for ever. Charges alone:
// nothing is held here.
//
// Compact, since a policy may count by user or by session: a counter is 48 bytes and its name, and
// a sliding one has 16 more for each slot that it was charged in.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "libs/base/hash.h"
#include "libs/window/window.h"

namespace quotaplane {

// Of counters whose window has something in it. Others are forgotten, but only when there are as
// many of them.
inline constexpr size_t kMaxReplayCounters = 1'000'000;
inline constexpr size_t kMaxReplaySlots = 10'000'000;

// Not thread-safe. Time never goes back, from call to call.
class WindowCounters {
 public:
  // The place of a counter, made where it is new. `window` must outlive this, and be the same for
  // the same name (another object with the same meaning will do).
  uint32_t PlaceOf(const Digest& name, const WindowSpec& window);

  // The sum of the window that `now_us` is in.
  int64_t Used(uint32_t place, int64_t now_us);
  // Adds `amount` >= 0, saturating as the store does.
  void Add(uint32_t place, int64_t now_us, int64_t amount);

  // To be called between charges: from time to time it forgets the counters that are empty at
  // `now_us`; then *moved is true, and all places are others. RESOURCE_EXHAUSTED: more are left
  // than the bounds allow.
  absl::Status Tidy(int64_t now_us, bool* moved);

  size_t size() const { return counters_.size(); }

 private:
  struct Slot {
    int64_t number = 0;
    int64_t sum = 0;
  };
  struct Counter {
    uint32_t window = 0;      // into windows_
    int64_t sum = 0;          // of all that counts
    int64_t end_us = 0;       // calendar: of the period that `sum` is of
    std::vector<Slot> slots;  // sliding: ascending
  };
  // Of many counters with one window, the period is looked up once.
  struct Window {
    const WindowSpec* spec = nullptr;
    Period period;
  };

  // Drops what has left the window.
  void Advance(Counter& counter, int64_t now_us);
  uint32_t WindowOf(const WindowSpec& window);

  std::vector<Window> windows_;
  absl::flat_hash_map<const WindowSpec*, uint32_t> by_spec_;
  std::vector<Counter> counters_;
  absl::flat_hash_map<Digest, uint32_t> by_name_;
  size_t slots_ = 0;
  size_t tidy_at_counters_ = kFirstTidy;
  size_t tidy_at_slots_ = 10 * kFirstTidy;
  static constexpr size_t kFirstTidy = 100'000;
};

}  // namespace quotaplane
