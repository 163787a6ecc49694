// Writes down what a replica knows, on a thread of its own: a disk that is slow, or hangs, holds no
// revocation up.
//
// What waits is merged, so that it is never more than everything there is.
#pragma once

#include <condition_variable>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "libs/base/mutex.h"
#include "libs/control/item_batch.h"
#include "libs/control/saved_items.h"

namespace quotaplane {

// Thread-safe.
class ItemSaver {
 public:
  // Starts one thread.
  explicit ItemSaver(std::unique_ptr<SavedItems> saved);
  // When what waits is written, or failed to be.
  ~ItemSaver();

  // Does not wait for the disk.
  void Save(ItemBatch batch);
  // Something could not be written: from now on only a whole batch helps. Others are dropped until
  // one is given.
  bool wants_whole() const;
  std::string error() const;  // of the last attempt

 private:
  void Run();
  ItemBatch TakeWaiting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::unique_ptr<SavedItems> saved_;  // the thread's own

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool waits_ ABSL_GUARDED_BY(mutex_) = false;
  bool waiting_whole_ ABSL_GUARDED_BY(mutex_) = false;
  FollowedPosition waiting_at_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, ControlItem> waiting_ ABSL_GUARDED_BY(mutex_);
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
  // A whole batch waits, or is being written.
  bool whole_comes_ ABSL_GUARDED_BY(mutex_) = false;
  std::string error_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace quotaplane
