// What one process of all that have the alerts role does, by a lease: the watch over usage, the
// forecasts, the ends of thresholds, and heeding what people said of findings. A thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/alert_sources/usage_watch.h"
#include "libs/alerts/alert_store.h"
#include "libs/counters/counter_store.h"
#include "libs/ledger/book_marks.h"
#include "libs/ledger/outbox.h"
#include "libs/policy/policy_set.h"
#include "libs/sql/database.h"
#include "services/alerts/threshold_ends.h"

namespace quotaplane {

struct AlertWatchOptions {
  std::string owner;
  std::function<std::shared_ptr<const PolicySet>()> policies;
  std::function<int64_t()> store_now_us;
  UsageWatch::Record record;
  absl::Duration tick = absl::Seconds(1);
  absl::Duration lease = absl::Seconds(10);
  int64_t ends_every_us = 10'000'000;  // of thresholds and of anomalies that end for other reasons
};

class AlertWatch {
 public:
  // Starts the thread. All must outlive it.
  AlertWatch(sql::Database* database, const AlertStore* alerts, CounterStore* counters,
             OutboxState* outbox, BookMarks* marks, AlertWatchOptions options);
  // Saves, and gives the lease back.
  ~AlertWatch();

  struct Stats {
    bool leading = false;
    UsageWatch::Stats usage;
  };
  // Thread-safe.
  Stats stats() const;

 private:
  void Run();
  using EndsOf = absl::FunctionRef<absl::StatusOr<std::vector<Signal>>(const std::vector<Alert>&)>;

  // Whether this process is the one.
  bool Lead();
  // The same for within a round, which may take longer than the lease: asks the store where that is
  // not fresh, and stops where the process is to.
  bool LeadStill();
  absl::Status Round();
  // Of usage, as long as there is more.
  absl::Status WatchUsage(const PolicySet& policies, int64_t now_us);
  absl::Status EndAlerts(const PolicySet& policies, int64_t now_us);
  // What `ends` says of open alerts of these kinds.
  absl::Status End(std::vector<AlertKind> kinds, EndsOf ends);
  // What people said since it was asked last goes to the watch.
  absl::Status ReadFeedback();

  sql::Database* const database_;
  const AlertStore* const alerts_;
  BookMarks* const marks_;
  const AlertWatchOptions options_;

  // The thread's own.
  UsageWatch usage_;
  ThresholdEnds ends_;
  bool leading_ = false;
  absl::Time led_at_;  // when the store last said so
  int64_t ends_at_us_ = 0;
  int64_t said_ = 0;  // feedback up to this sequence is known to the watch
  std::string last_error_;

  mutable absl::Mutex mutex_;
  Stats stats_ ABSL_GUARDED_BY(mutex_);
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
