// Sharing between threads in a way that ThreadSanitizer can follow. The packaged Abseil is not
// instrumented: neither what an absl::Mutex orders nor the reference count that copies of an
// absl::Status share is visible.
#pragma once

#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"

namespace quotaplane {

// std::mutex with thread-safety annotations.
class ABSL_LOCKABLE Mutex {
 public:
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mu_.lock(); }
  void unlock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }

 private:
  std::mutex mu_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) { mu_.lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

// A copy for another thread.
inline absl::Status Unshared(const absl::Status& status) {
  return {status.code(), status.message()};
}

}  // namespace quotaplane
