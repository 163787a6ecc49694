// The ledger role of the server: keeps the ledger's database open and its schema current, and moves
// charges from the outbox into it. Needs nothing of the quota role, nor the other way round.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "libs/admission/admission.h"
#include "libs/ledger/ledger_worker.h"
#include "libs/ledger/ledger_writer.h"
#include "libs/ledger/redis/outbox.h"
#include "libs/redis/client.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct LedgerRoleOptions {
  std::string database_url;  // libs/sql/database.h
  redis::ClientOptions redis;
  int partitions = 0;
  std::string reader;  // RedisOutboxOptions::reader
  // By the policy of the moment in which a charge is written; called by the worker's thread.
  CostCenterOf cost_center_of;
};

class LedgerRole {
 public:
  // FAILED_PRECONDITION: the database's schema is newer than this binary, or was changed; it must
  // not be written to. INVALID_ARGUMENT: a malformed URL. A database that is away is neither: it is
  // tried again, and the charges wait. `codec` must outlive it.
  static absl::StatusOr<std::unique_ptr<LedgerRole>> Start(const ChargeCodec* codec,
                                                           LedgerRoleOptions options);
  // Stops after the round under way.
  ~LedgerRole();

 private:
  LedgerRole(const ChargeCodec* codec, LedgerRoleOptions options,
             std::unique_ptr<redis::Client> client);
  // Opens and migrates the database, and starts the worker.
  absl::Status Open();
  void OpenLater();

  const ChargeCodec* const codec_;
  const LedgerRoleOptions options_;
  const std::unique_ptr<redis::Client> client_;
  RedisOutbox outbox_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<LedgerWriter> writer_;
  std::unique_ptr<LedgerWorker> worker_;
  absl::Notification stop_;
  std::thread opener_;
};

}  // namespace quotaplane
