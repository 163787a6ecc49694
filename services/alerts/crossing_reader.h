// Takes crossings out of the counter store and keeps them as alerts: a thread. Any number of
// processes may do so at once; each crossing is handed to one of them, and to another one if that
// dies, and the alerts know which ones they have been told of.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/alerts/signal.h"
#include "libs/counters/crossing.h"
#include "libs/policy/policy_set.h"

namespace quotaplane {

class CrossingReader {
 public:
  // Keeps them; an error means that they are told again.
  using Record = std::function<absl::Status(absl::Span<const Signal> signals)>;
  using PoliciesOf = std::function<std::shared_ptr<const PolicySet>()>;

  struct Stats {
    int64_t taken = 0;
    int64_t unreadable = 0;
    bool away = false;  // the last round was broken off
  };

  // Starts the thread. `source` must outlive it.
  CrossingReader(CrossingSource* source, PoliciesOf policies, Record record,
                 absl::Duration pause = absl::Milliseconds(200));
  ~CrossingReader();

  // Thread-safe.
  Stats stats() const { return {taken_, unreadable_, away_}; }

 private:
  void Run();
  // How many it took.
  absl::StatusOr<size_t> Round();

  CrossingSource* const source_;
  const PoliciesOf policies_;
  const Record record_;
  const absl::Duration pause_;
  std::atomic<int64_t> taken_ = 0, unreadable_ = 0;
  std::atomic<bool> away_ = false;
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
