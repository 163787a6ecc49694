// A few threads for work that blocks, and a bounded queue in front of them.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace quotaplane {

// Thread-safe.
class WorkPool {
 public:
  WorkPool(int threads, size_t queue);
  // Waits for the work under way; what waits in the queue is dropped.
  ~WorkPool();

  // False, and nothing happens, if the queue is full.
  bool Add(std::function<void()> work);

 private:
  void Run();
  bool Awake() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); }

  const size_t most_;
  absl::Mutex mutex_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace quotaplane
