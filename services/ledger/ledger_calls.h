// LedgerService: from a request to the ledger role's parts and back, on threads of its own.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "services/rpc/pooled_calls.h"
#include "services/rpc/stream_call.h"
#include "services/rpc/work_pool.h"

namespace quotaplane {

class CounterStore;
class SnapshotHolder;
struct LedgerParts;
struct LedgerStatus;

struct LedgerCallsOptions {
  // Threads that answer calls, and how many calls wait for them; more are refused. Comparisons and
  // repairs have threads of their own, since each may take minutes.
  int threads = 2;
  size_t queue = 32;
  int books_threads = 1;
  size_t books_queue = 4;
};

class LedgerCalls {
 public:
  // What it asks of the role; thread-safe, and outlives it.
  struct Role {
    std::function<LedgerParts*()> parts;  // null: the database is away since the start
    std::function<bool()> store_away;     // whether the store takes no calls now
    std::function<LedgerStatus()> status;
    CounterStore* store = nullptr;
    const SnapshotHolder* snapshots = nullptr;
  };
  LedgerCalls(Role role, const LedgerCallsOptions& options);

  // What a server needs to serve it. This must outlive the server.
  StreamService service();

 private:
  class Work;

  void AddTo(StreamCalls* calls, grpc::ServerCompletionQueue* events);

  const std::unique_ptr<Work, void (*)(Work*)> work_;
  // Last, so that their work ends before what it uses.
  WorkPool pool_;
  WorkPool books_pool_;
};

}  // namespace quotaplane
