// Keeps the board like the database: a thread that puts on it what came after the number that it is
// published to, when somebody says that there was a change, and each second.
//
// Several publishers at once, and one that is slow, are harmless (items.h).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/control/item_source.h"
#include "libs/control/items.h"

namespace quotaplane {

struct PublisherOptions {
  absl::Duration interval = absl::Seconds(1);
  // Between attempts while the board or the database is away: doubled each time, up to the second.
  absl::Duration first_retry = absl::Milliseconds(100);
  absl::Duration longest_retry = absl::Seconds(5);
  absl::Duration timeout = absl::Seconds(5);  // of a call to the board
};

struct PublisherStatus {
  int64_t last = 0;       // number in the database, as seen by the last round
  int64_t published = 0;  // what the board has everything up to
  int64_t rounds = 0;
  int64_t failures = 0;
  bool away = false;  // the last round was broken off
  std::string error;  // by this
};

class Publisher {
 public:
  // Starts one thread. Both must outlive it.
  Publisher(const ItemSource* source, ItemBoard* board, PublisherOptions options = {});
  ~Publisher();

  // There was a change. Thread-safe, does not block.
  void Wake();

  // Thread-safe.
  PublisherStatus status() const;

 private:
  void Run();
  absl::Status Round();
  // Everything that the board lacks. `head` follows it.
  absl::Status Publish(BoardHead* head);
  absl::Time Deadline() const;
  void Told(int64_t last, int64_t published);

  const ItemSource* const source_;
  ItemBoard* const board_;
  const PublisherOptions options_;

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  PublisherStatus status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace quotaplane
