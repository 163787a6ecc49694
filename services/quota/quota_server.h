// QuotaService, and what else the process serves, over gRPC completion queues, with health
// checking, reflection and keepalive.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/admission/admission.h"
#include "services/quota/request_keys.h"
#include "services/rpc/call_gate.h"
#include "services/rpc/rpc_meters.h"
#include "services/rpc/stream_call.h"
#include "services/rpc/tls_source.h"
#include "services/rpc/unary_call.h"

namespace quotaplane {

struct QuotaServerOptions {
  std::string listen = "127.0.0.1:7411";  // HOST:PORT; port 0 takes a free one
  // Completion queues, each with one thread. 0: half of the processors that the process may use, at
  // least one (libs/base/processors.h). A queue's thread both polls and handles, so that one is
  // busy where two would wake each other; the other half of the cores is for the store's replies
  // and the kernel. Measured on two cores, an empty call with four in flight: 12.6 k/s with two
  // threads, 24.4 k/s with one.
  int threads = 0;
  // The store's part of a call lasts at most this long, and at most 70 % of what the caller's
  // deadline leaves: an outage is answered within both.
  absl::Duration store_timeout = absl::Milliseconds(250);
  // Served beside it.
  std::vector<StreamService> more = {};
  // Says who is calling; must outlive the server. Null: everybody may do everything.
  Authenticator* authenticator = nullptr;
  AuthRefusals* refusals = nullptr;  // counts whom it does not let in; null: nobody does
  // Begins the spans of calls; must outlive the server. Null: nothing is traced.
  const tracing::Tracer* tracer = nullptr;
  // Counts calls; must outlive the server. Null: nobody does.
  RpcMeters* meters = nullptr;
  // Must outlive the server. Null: plain connections.
  TlsSource* tls = nullptr;
  // gRPC refuses larger messages itself, unread. From kMaxRequestBytes, or what else a method
  // takes, up to here the refusal names the rule.
  int most_request_bytes = 4 << 20;
  // Of messages that gRPC has received for all connections together, whole or in part: gRPC reads
  // them before anybody can ask who sends them. Past that it ends calls, those of slow senders too.
  size_t most_buffered_bytes = size_t{256} << 20;
};

class QuotaServer {
 public:
  // Serves at once. UNAVAILABLE if the address cannot be bound. `admission` must outlive the
  // server; null: QuotaService is not served. So must `keys`, those that requests may carry; null:
  // there are none.
  static absl::StatusOr<std::unique_ptr<QuotaServer>> Start(Admission* admission,
                                                            const KeyRing* keys,
                                                            QuotaServerOptions options);
  ~QuotaServer();  // drains with no grace

  // "HOST:PORT" with the real port.
  const std::string& address() const { return address_; }

  // Turns health to NOT_SERVING and ends its watchers, takes no new calls, and waits for those
  // under way, for `grace` at most; then they are cancelled. Idempotent.
  void Drain(absl::Duration grace);

 private:
  struct Methods;
  struct Queue;

  QuotaServer(Admission* admission, const KeyRing* keys, QuotaServerOptions options);
  absl::Status Listen();
  void AddQuotaMethods(Queue* queue);
  void AddOtherMethods(Queue* queue);
  SteadyTime StoreDeadline(std::chrono::system_clock::time_point caller) const;

  Admission* const admission_;
  const RequestKeys keys_;
  const QuotaServerOptions options_;
  const CallGate gate_;
  RpcMeters unread_meters_;
  RpcMeters* const meters_;
  std::string address_;
  std::unique_ptr<Methods> methods_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::unique_ptr<grpc::Server> server_;
  bool drained_ = false;
};

}  // namespace quotaplane
