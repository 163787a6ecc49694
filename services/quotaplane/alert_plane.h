// The alerts role in this process: its connection to the counter store, the receivers file, and
// what it looks after of the deployment.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "libs/admission/snapshot.h"
#include "libs/alerts/receivers.h"
#include "libs/base/mutex.h"
#include "libs/control/item_codec.h"
#include "libs/control/items.h"
#include "libs/counters/counter_store.h"
#include "libs/counters/redis/crossing_stream.h"
#include "libs/counters/redis/forecast_table.h"
#include "libs/ledger/redis/book_marks.h"
#include "libs/ledger/redis/outbox_state.h"
#include "libs/redis/client.h"
#include "services/alerts/alert_role.h"
#include "services/quotaplane/config_watcher.h"

namespace quotaplane {

struct AlertPlaneOptions {
  std::string database_url;
  redis::ClientOptions redis;
  int partitions = 0;
  std::string owner;      // as the replica's name
  std::string receivers;  // a file; empty: nobody is told, alerts are only kept
};

class AlertPlane {
 public:
  // INVALID_ARGUMENT: the receivers file; others are AlertRole's. All must outlive it.
  static absl::StatusOr<std::unique_ptr<AlertPlane>> Start(const ItemCodec* codec, ItemBoard* board,
                                                           CounterStore* counters,
                                                           const SnapshotHolder* snapshots,
                                                           AlertPlaneOptions options);
  ~AlertPlane();

  StreamService service() { return role_->service(); }
  AlertStatus status() const { return role_->status(); }
  // Of the receivers file, as ConfigWatcher has it. Thread-safe.
  std::map<std::string, std::string> failures() const { return watcher_->failures(); }
  const redis::Client* client() const { return client_.get(); }

 private:
  AlertPlane(ItemBoard* board, AlertPlaneOptions options, std::unique_ptr<redis::Client> client,
             std::shared_ptr<const Receivers> receivers);
  std::shared_ptr<const Receivers> receivers() const;
  absl::Status ReloadReceivers();
  // On the role's thread alone.
  std::vector<OperationsCondition> Conditions();
  std::vector<OperationsCondition> ConditionsOfStore();
  absl::StatusOr<std::vector<OperationsCondition>> LookAtStore();

  ItemBoard* const board_;
  const AlertPlaneOptions options_;
  const std::unique_ptr<redis::Client> client_;
  CrossingStream crossings_;
  RedisOutboxState outbox_;
  RedisBookMarks marks_;
  RedisForecastTable forecasts_;
  mutable Mutex mutex_;
  std::shared_ptr<const Receivers> receivers_ ABSL_GUARDED_BY(mutex_);
  std::vector<OperationsCondition> last_seen_;  // the role's thread's own
  std::optional<ConfigWatcher> watcher_;
  std::unique_ptr<AlertRole> role_;
};

}  // namespace quotaplane
