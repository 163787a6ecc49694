// The alerts role of the server: takes in what is wrong with spend and with the deployment, keeps
// it as alerts, tells receivers, does what rules want done, and answers AlertService.
//
// Any number of processes may have the role. Crossings are shared among them, messages are claimed,
// and one of them, by a lease in the counter store, watches usage, forecasts and thresholds' ends;
// if it dies the next one goes on from what it saved, within kLease.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/admission/snapshot.h"
#include "libs/alert_sources/condition.h"
#include "libs/alerts/receivers.h"
#include "libs/control/item_codec.h"
#include "libs/control/items.h"
#include "libs/counters/counter_store.h"
#include "libs/counters/crossing.h"
#include "libs/counters/forecast_table.h"
#include "libs/ledger/book_marks.h"
#include "libs/ledger/outbox.h"
#include "services/alerts/alert_calls.h"
#include "services/alerts/alert_parts.h"
#include "services/alerts/alert_status.h"
#include "services/alerts/alert_watch.h"
#include "services/alerts/condition_watch.h"
#include "services/alerts/crossing_reader.h"
#include "services/alerts/forecast_watch.h"
#include "services/rpc/stream_call.h"

namespace quotaplane {

struct AlertRoleOptions {
  std::string database_url;  // libs/sql/database.h
  std::string owner;         // no two processes that share a store have the same
  std::function<std::shared_ptr<const Receivers>()> receivers;  // those in force
  std::function<int64_t()> store_now_us;  // the counter store's clock, as far as it is known
  // What is wrong with this process and what it sees, now. Called every few seconds; may block for
  // a second or two.
  std::function<std::vector<OperationsCondition>()> conditions;
  AlertCallsOptions calls = {};
};

class AlertRole {
 public:
  // What it uses of the counter store, all of which must outlive it.
  struct Store {
    CounterStore* counters = nullptr;
    CrossingSource* crossings = nullptr;
    OutboxState* outbox = nullptr;
    BookMarks* marks = nullptr;  // for the lease
    ForecastTable* forecasts = nullptr;
    ItemBoard* board = nullptr;
  };

  // FAILED_PRECONDITION: the database's schema is newer than this binary, or was changed.
  // INVALID_ARGUMENT: a malformed URL. A database that is away is neither: it is tried again until
  // it is there, and crossings wait. `codec` and `snapshots` must outlive it too.
  static absl::StatusOr<std::unique_ptr<AlertRole>> Start(const ItemCodec* codec,
                                                          const SnapshotHolder* snapshots,
                                                          Store store, AlertRoleOptions options);
  // After the server that serves it. Saves what the watch over usage has learnt.
  ~AlertRole();

  // What a server needs to serve AlertService. The role must outlive it.
  StreamService service() { return calls_.service(); }

  // Thread-safe.
  AlertStatus status() const;

 private:
  AlertRole(const ItemCodec* codec, const SnapshotHolder* snapshots, Store store,
            AlertRoleOptions options);
  absl::Status Open();
  // Opens the database if that is still to do, then does what time does, every second.
  void Upkeep();
  absl::Status Tick(AlertParts& parts);
  absl::Status LookAfterConditions(AlertParts& parts, int64_t now_us);
  // In a transaction of its own.
  absl::Status Record(absl::Span<const Signal> signals);
  std::shared_ptr<const PolicySet> policies() const { return snapshots_->Get()->policies; }
  // Null while the database has not been opened; then they stay.
  AlertParts* parts() const;

  const ItemCodec* const codec_;
  const SnapshotHolder* const snapshots_;
  const Store store_;
  const AlertRoleOptions options_;

  // The upkeep thread's own.
  ConditionWatch conditions_;
  int64_t conditions_at_us_ = 0;
  int64_t expire_at_us_ = 0;
  int64_t counts_at_us_ = 0;
  std::string last_error_;

  mutable absl::Mutex mutex_;
  std::unique_ptr<AlertParts> parts_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<CrossingReader> crossings_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<AlertWatch> watch_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ForecastWatch> forecasts_ ABSL_GUARDED_BY(mutex_);
  AlertStatus status_ ABSL_GUARDED_BY(mutex_);
  absl::Notification stop_;
  std::thread upkeep_;
  AlertCalls calls_;  // last, so that its work ends before what it uses
};

}  // namespace quotaplane
