// What a call is decided by: the policies and one price book, immutable, swapped whole.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "libs/base/mutex.h"
#include "libs/policy/policy_set.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {

struct Snapshot {
  std::shared_ptr<const PolicySet> policies;
  std::shared_ptr<const PriceBook> prices;
};

// Thread-safe. A call takes the snapshot once and keeps it to its end.
class SnapshotHolder {
 public:
  explicit SnapshotHolder(Snapshot first)
      : current_(std::make_shared<const Snapshot>(std::move(first))) {}

  std::shared_ptr<const Snapshot> Get() const {
    MutexLock lock(mutex_);
    return current_;
  }

  // How often that changed.
  int64_t changes() const {
    MutexLock lock(mutex_);
    return changes_;
  }

  // Puts in force what `change` makes of the present snapshot, with no other change in between.
  // Readers do not wait for it. It must not change this holder.
  void Update(absl::FunctionRef<Snapshot(const Snapshot& present)> change) {
    MutexLock changing(changing_);
    auto next = std::make_shared<const Snapshot>(change(*Get()));
    MutexLock lock(mutex_);
    // Swapped, so that the old one, if nobody else has it, is freed after the lock.
    current_.swap(next);
    ++changes_;
  }
  // Of Update, for one of the two.
  using ChangePolicies =
      absl::FunctionRef<std::shared_ptr<const PolicySet>(const PolicySet& present)>;
  void UpdatePolicies(ChangePolicies change) {
    Update([&](const Snapshot& present) {
      return Snapshot{change(*present.policies), present.prices};
    });
  }
  void SetPrices(std::shared_ptr<const PriceBook> prices) {
    Update([&](const Snapshot& present) { return Snapshot{present.policies, std::move(prices)}; });
  }

 private:
  Mutex changing_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable Mutex mutex_;
  std::shared_ptr<const Snapshot> current_ ABSL_GUARDED_BY(mutex_);
  int64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace quotaplane
