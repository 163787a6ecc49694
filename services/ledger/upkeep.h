// What the ledger needs now and then, on a thread of its own: corrections that have not reached the
// live counters yet are moved there, and what retention lets go is dropped.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/ledger/pending_moves.h"
#include "libs/ledger/retention.h"

namespace quotaplane {

class Upkeep {
 public:
  using PolicyOf = std::function<std::shared_ptr<const Policy>()>;

  // Starts one thread. All must outlive it.
  Upkeep(PendingMoves* moves, Retention* retention, PolicyOf policy);
  // Waits for the step under way.
  ~Upkeep();

  // Moves that were pending when they were last counted, some seconds ago at most; absent while the
  // database is away. Thread-safe.
  std::optional<int64_t> pending_moves() const;

 private:
  void Run();
  void Move(const Policy& policy);
  void Drop(const Policy& policy);

  PendingMoves* const moves_;
  Retention* const retention_;
  const PolicyOf policy_;
  bool move_failed_ = false;
  absl::Time next_drop_ = absl::InfinitePast();
  mutable absl::Mutex mutex_;
  std::optional<int64_t> pending_ ABSL_GUARDED_BY(mutex_);
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
