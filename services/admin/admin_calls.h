// AdminService: from a request to the admin role's parts and back, on threads of its own. Whatever
// is refused on the way, by a gate, a check or what the parts say, gets its row in the audit log.
#pragma once

#include <functional>

#include "libs/control/items.h"
#include "services/admin/admin_parts.h"
#include "services/audited/audited_service.h"
#include "services/rpc/stream_call.h"
#include "services/rpc/work_pool.h"

namespace quotaplane {

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
  void AddTo(StreamCalls* calls, grpc::ServerCompletionQueue* events);

  ItemBoard* const board_;
  AuditedService<AdminParts> service_;
  WorkPool backtest_pool_;  // last, so that its work ends before what it uses
};

}  // namespace quotaplane
