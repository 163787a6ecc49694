// AlertService: from a request to the alerts role's parts and back, on threads of its own. Whatever
// is refused on the way gets its row in the audit log.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "libs/alerts/receivers.h"
#include "services/alerts/alert_methods.h"
#include "services/audited/audited_service.h"
#include "services/rpc/stream_call.h"

namespace quotaplane {

struct AlertCallsOptions {
  // Threads that answer calls, and how many calls wait for them; more are refused. Watchers have
  // threads of their own.
  int threads = 2;
  size_t queue = 64;
  int watchers = 8;
  // Of the requests that wait or are worked on.
  size_t request_bytes = 8 << 20;
  // Tests of receivers, each of which may take ten seconds, and how many wait for their turn.
  int testers = 2;
  size_t tests = 8;
};

class AlertCalls {
 public:
  // What it asks of the role; thread-safe, and outlives it.
  struct Role {
    std::function<AlertParts*()> parts;  // null: the database is away since the start
    std::function<std::shared_ptr<const Receivers>()> receivers;
    std::function<int64_t()> store_now_us;  // the counter store's clock
  };
  AlertCalls(Role role, const AlertCallsOptions& options);
  // Breaks off tests that are under way.
  ~AlertCalls() { stopping_ = true; }

  // What a server needs to serve it. This must outlive the server.
  StreamService service();

 private:
  void AddTo(StreamCalls* calls, grpc::ServerCompletionQueue* events);

  const std::function<std::shared_ptr<const Receivers>()> receivers_;
  std::atomic<bool> stopping_ = false;
  // Last, so that their work ends before what it uses.
  AuditedService<AlertParts> service_;
  WorkPool test_pool_;
};

}  // namespace quotaplane
