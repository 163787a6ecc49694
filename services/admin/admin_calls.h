// AdminService: from a request to the admin role's parts and back, on threads of its own. Whatever
// is refused on the way, by a gate, a check or what the parts say, gets its row in the audit log.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "libs/control/items.h"
#include "services/rpc/caller.h"
#include "services/rpc/pooled_calls.h"
#include "services/rpc/stream_call.h"
#include "services/rpc/work_pool.h"

namespace quotaplane {

struct AdminParts;

struct AdminCallsOptions {
  // Threads that answer calls, and how many calls wait for them; more are refused. Backtests and
  // watchers have threads of their own, since each lasts.
  int threads = 2;
  size_t queue = 64;
  int backtest_threads = 1;
  size_t backtest_queue = 2;
  int watchers = 4;
  // Of the requests that wait or are worked on.
  size_t request_bytes = 64 << 20;
};

class AdminCalls {
 public:
  // What it asks of the role; thread-safe, and outlives it.
  struct Role {
    std::function<AdminParts*()> parts;     // null: the database is away since the start
    std::function<int64_t()> store_now_us;  // the counter store's clock
    ItemBoard* board = nullptr;
  };
  AdminCalls(Role role, const AdminCallsOptions& options);

  // What a server needs to serve it. This must outlive the server.
  StreamService service();

 private:
  class Work;

  void AddTo(StreamCalls* calls, grpc::ServerCompletionQueue* events);

  const std::unique_ptr<Work, void (*)(Work*)> work_;
  std::map<std::string, std::unique_ptr<CalledMethod>> methods_;  // by name
  // Last, so that their work ends before what it uses.
  WorkPool pool_;
  WorkPool backtest_pool_;
  WorkPool watch_pool_;
  WorkPool audit_pool_;
};

}  // namespace quotaplane
