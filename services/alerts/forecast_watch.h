// Forecasts, once a minute, in the process that watches usage: where all budgets lead, for replicas
// to read, and alerts about those that end too early. A thread of its own, since reading a large
// ledger may take a while.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/alerts/alert_store.h"
#include "libs/ledger/forecast_round.h"
#include "libs/policy/policy_set.h"
#include "libs/sql/database.h"
#include "services/alerts/forecast_ends.h"

namespace quotaplane {

struct ForecastWatchOptions {
  std::function<bool()> leading;  // whether this process is the one
  std::function<std::shared_ptr<const PolicySet>()> policies;
  std::function<int64_t()> store_now_us;
  std::function<absl::Status(absl::Span<const Signal>)> record;
  absl::Duration every = absl::Minutes(1);
};

class ForecastWatch {
 public:
  // Starts the thread. All must outlive it.
  ForecastWatch(sql::Database* database, const AlertStore* alerts, CounterStore* store,
                ForecastTable* table, ForecastWatchOptions options);
  ~ForecastWatch();

  // Of the last round; empty where this process is not the one. Thread-safe.
  ForecastResult last() const;

 private:
  void Run();
  absl::Status Round();
  absl::Status EndOthers();
  // Of whom nothing could be read.
  void Report(const ForecastResult& result);

  sql::Database* const database_;
  const AlertStore* const alerts_;
  const ForecastWatchOptions options_;

  // The thread's own.
  ForecastRound round_;
  ForecastEnds ends_;
  std::string last_error_;
  std::string last_unread_;

  mutable absl::Mutex mutex_;
  ForecastResult last_ ABSL_GUARDED_BY(mutex_);
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
