// What a call is decided by: one policy and one price book, immutable, swapped whole.
#pragma once

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/policy/policy.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {

struct Snapshot {
  std::shared_ptr<const Policy> policy;
  std::shared_ptr<const PriceBook> prices;
};

// Thread-safe. A call takes the snapshot once and keeps it to its end.
class SnapshotHolder {
 public:
  explicit SnapshotHolder(Snapshot first)
      : current_(std::make_shared<const Snapshot>(std::move(first))) {}

  std::shared_ptr<const Snapshot> Get() const {
    absl::MutexLock lock(&mutex_);
    return current_;
  }
  void SetPolicy(std::shared_ptr<const Policy> policy) {
    absl::MutexLock lock(&mutex_);
    current_ = std::make_shared<const Snapshot>(Snapshot{std::move(policy), current_->prices});
  }
  void SetPrices(std::shared_ptr<const PriceBook> prices) {
    absl::MutexLock lock(&mutex_);
    current_ = std::make_shared<const Snapshot>(Snapshot{current_->policy, std::move(prices)});
  }

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<const Snapshot> current_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quotaplane
