// Threads that claim messages and send them. Any number of processes may run one over the same
// database.
//
// One thread looks which receivers have messages that are due: when it is woken, and each second.
// A few others each serve one receiver at a time, so that its messages keep their order, and one
// that is slow holds up no other, as long as there are fewer of those than senders.
//
// One more tells Alertmanagers again what fires, every few minutes (alert_sync.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/alerts/delivery_queue.h"
#include "libs/alerts/receivers.h"
#include "libs/alerts/sender.h"
#include "libs/base/mutex.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct AlertDispatchOptions {
  std::function<std::shared_ptr<const Receivers>()> receivers;  // those in force
  std::function<int64_t()> now_us;                              // the local clock
  absl::Duration interval = absl::Seconds(1);
  absl::Duration timeout = absl::Seconds(10);  // of one attempt
  size_t senders = 4;
  absl::Duration sync_every = absl::Minutes(5);  // what fires is told to Alertmanagers again
};

class AlertDispatch {
 public:
  struct Stats {
    int64_t sent = 0;
    int64_t failed = 0;    // attempts that are made again
    int64_t dead = 0;      // messages given up, or refused
    int64_t syncs = 0;     // rounds of alert_sync.h that reached every receiver
    int64_t troubles = 0;  // with the database: what is left is done the next time
  };

  // Starts the threads. The database must outlive it.
  AlertDispatch(sql::Database* database, AlertDispatchOptions options);
  // Stops after the attempts under way, which are broken off; what was claimed is given back.
  ~AlertDispatch();

  // There are new messages. Thread-safe, does not block.
  void Wake();

  // Thread-safe.
  Stats stats() const;

 private:
  void Look();
  void Serve();
  void Sync();
  absl::Status LookOnce();
  // Everything that is due for the receiver, as long as it takes it.
  absl::Status ServeReceiver(const Receiver& receiver);
  // False: the receiver is to be left alone.
  absl::StatusOr<bool> SendOne(const Receiver& receiver, const DeliveryQueue::Claim& claim,
                               const AlertMessage& message);
  void Note(const absl::Status& status);

  sql::Database* const database_;
  DeliveryQueue queue_;
  const AlertDispatchOptions options_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> sent_ = 0, failed_ = 0, dead_ = 0, syncs_ = 0, troubles_ = 0;

  Mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::string> due_ ABSL_GUARDED_BY(mutex_);  // receivers to be served
  std::set<std::string> taken_ ABSL_GUARDED_BY(mutex_);  // those, and those being served
  std::string last_error_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace quotaplane
