// The ledger role of the server: keeps the ledger's database open and its schema current, moves
// charges from the outbox into it, watches over its books, and answers LedgerService. Needs nothing
// of the quota role, nor the other way round.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/admission/admission.h"
#include "libs/counters/counter_store.h"
#include "libs/ledger/redis/book_marks.h"
#include "libs/ledger/redis/outbox.h"
#include "libs/ledger/redis/outbox_state.h"
#include "libs/metrics/family.h"
#include "libs/redis/client.h"
#include "libs/tracing/tracer.h"
#include "services/ledger/ledger_calls.h"
#include "services/ledger/ledger_parts.h"
#include "services/ledger/ledger_status.h"
#include "services/rpc/stream_call.h"

namespace quotaplane {

struct LedgerRoleOptions {
  std::string database_url;  // libs/sql/database.h
  redis::ClientOptions redis;
  int partitions = 0;
  std::string reader;  // RedisOutboxOptions::reader
  LedgerCallsOptions calls = {};
  const tracing::Tracer* tracer = nullptr;  // must outlive the role; null: nothing is traced
};

class LedgerRole {
 public:
  // FAILED_PRECONDITION: the database's schema is newer than this binary, or was changed; it must
  // not be written to. INVALID_ARGUMENT: a malformed URL. A database that is away is neither: it is
  // tried again, and the charges wait. `codec`, `store` and `snapshots` must outlive it.
  static absl::StatusOr<std::unique_ptr<LedgerRole>> Start(const ChargeCodec* codec,
                                                           CounterStore* store,
                                                           const SnapshotHolder* snapshots,
                                                           LedgerRoleOptions options);
  // After the server that serves it. Stops after the rounds and calls under way.
  ~LedgerRole();

  // What a server needs to serve LedgerService. The role must outlive it.
  StreamService service() { return calls_.service(); }

  // Fills the counters that `policies`, which are about to take force, have more than those in
  // force; waits for that as long as `patience`. Without any it costs one look into the store.
  // Thread-safe.
  absl::Status SeedAhead(const PolicySet& policies, absl::Duration patience);

  // How the books stand: what is at hand. Thread-safe.
  BookState books() const;

  // quotaplane_cost_center_spend_usd and its like: what is at hand. Thread-safe.
  std::vector<metrics::Family> SpendMetrics() const;
  const redis::Client* client() const { return client_.get(); }

  // Asks the store, for a second at most. Thread-safe.
  LedgerStatus status();

 private:
  LedgerRole(const ChargeCodec* codec, CounterStore* store, const SnapshotHolder* snapshots,
             LedgerRoleOptions options, std::unique_ptr<redis::Client> client);
  // Opens and migrates the database, and starts what works on it.
  absl::Status Open();
  void OpenLater();
  // Which cost center a charge belongs to, by the policy in force.
  std::string CostCenter(const Subject& subject) const;
  // Null while the database has not been opened; then they stay.
  LedgerParts* parts() const;

  const ChargeCodec* const codec_;
  CounterStore* const store_;
  const SnapshotHolder* const snapshots_;
  const LedgerRoleOptions options_;
  const std::unique_ptr<redis::Client> client_;
  RedisOutbox outbox_;
  RedisOutboxState outbox_state_;
  RedisBookMarks marks_;
  mutable absl::Mutex mutex_;
  std::unique_ptr<LedgerParts> parts_ ABSL_GUARDED_BY(mutex_);
  absl::Notification stop_;
  std::thread opener_;
  LedgerCalls calls_;  // last, so that its work ends before what it uses
};

}  // namespace quotaplane
