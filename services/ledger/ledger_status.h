// How the ledger role is doing: for GetStatus and for metrics.
#pragma once

#include <cstdint>
#include <optional>

#include "libs/ledger/book_watch.h"
#include "libs/ledger/ledger_worker.h"
#include "libs/ledger/redis/outbox_depth.h"

namespace quotaplane {

struct LedgerStatus {
  // The database is open, and the worker's last round went through.
  bool available = false;
  std::optional<OutboxDepth> outbox;     // absent: the store is away
  std::optional<int64_t> pending_moves;  // as last counted; absent: the database is away
  LedgerWorker::Stats worker;
  int64_t limits = 0;  // of the policy, whose books can be compared
  BookState books;
};

}  // namespace quotaplane
