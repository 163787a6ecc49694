// So much at a time, and no more.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace quotaplane {

// Thread-safe.
class RoomBudget {
 public:
  explicit RoomBudget(size_t most) : most_(most) {}

  // Given back when the last copy goes, which this must outlive. Null: there is no room.
  std::shared_ptr<void> Take(size_t amount) {
    if (taken_.fetch_add(amount) + amount > most_) {
      taken_ -= amount;
      return nullptr;
    }
    return {&taken_, [amount](std::atomic<size_t>* taken) { *taken -= amount; }};
  }

 private:
  const size_t most_;
  std::atomic<size_t> taken_ = 0;
};

}  // namespace quotaplane
