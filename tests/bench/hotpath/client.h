// An asynchronous client of one server: few connections, one completion queue, no protobuf on the
// way.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"

namespace quotaplane::bench {

enum class Method { kEmpty, kReserve, kCommit };

// One call at a time, again and again. Not thread-safe.
struct Call {
  Method method = Method::kEmpty;
  int64_t sequence = 0;
  // When the latency starts to count: the start, or where the load is open the time it was due.
  int64_t start_ns = 0;
  // When this call itself was handed to gRPC.
  int64_t sent_ns = 0;

  std::optional<grpc::ClientContext> context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer response;
  grpc::Status status;
};

class Client {
 public:
  // `target` is "HOST:PORT". Connections are not shared with other clients. Aborts where none can
  // be made in 10 s.
  Client(const std::string& target, int connections);
  // Requires that no call is under way.
  ~Client();

  // Sends `request`; `call` comes out of Next when the answer is there. Thread-safe for distinct
  // calls.
  void Start(Call* call, Method method, const grpc::ByteBuffer& request);
  // The next call that is done; waits for it. The benchmark measures successes only: a call that
  // failed, a Reserve that was not allowed, and a Commit that did not settle its own reservation
  // abort the program with what the server said. One thread.
  Call* Next();

 private:
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  grpc::CompletionQueue queue_;
};

}  // namespace quotaplane::bench
