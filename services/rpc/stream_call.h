// Calls that are streams, or rare: health checks, reflection and reports, on the completion queues
// of the hot path.
//
// gRPC's own health and reflection services are served by its callback and its synchronous API, and
// each of the two brings threads that poll the very sockets that our queues poll. Such a thread
// reads a request, finds that it belongs to a queue, and wakes the queue's thread: one more wake-up
// on every call. So the server has neither, and serves those methods itself, as raw messages of
// grpc::AsyncGenericService, to which everything comes that no generated service has.
//
// All of it is touched by the queue's thread only, which the hot path shares: what takes long is
// done elsewhere (services/reports).
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "absl/status/status.h"
#include "services/rpc/call_gate.h"
#include "services/rpc/call_trace.h"
#include "services/rpc/caller.h"
#include "services/rpc/queue_event.h"
#include "services/rpc/rpc_meters.h"

namespace quotaplane {

class StreamCalls;

// What a call does. Nothing is told any more once it has ended the call or the client is gone; it
// lives until every operation of the call has come back.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // What Read asked for; it may be emptied. The call asks for the first message itself.
  virtual void OnMessage(grpc::ByteBuffer* message) = 0;
  // Read found no further message. A client of a unary method sends one and then this.
  virtual void OnEndOfMessages() = 0;
  // What Write sent is on its way; the next may be written.
  virtual void OnWritten() = 0;
  // The server goes: nothing new will come, and the call should end soon. At once for a call that
  // begins while the server drains.
  virtual void OnDrain() = 0;
};

// From waiting for a call to the end of its last operation. Owns itself.
class StreamCall {
 public:
  StreamCall(const StreamCall&) = delete;
  StreamCall& operator=(const StreamCall&) = delete;

  // Not while another Read is under way.
  void Read();
  // Not while another Write is under way. RESOURCE_EXHAUSTED, reason OVERLOADED, ends the call
  // instead where too much waits for clients that do not read (StreamCalls::kMaxWriteBytes).
  void Write(const google::protobuf::MessageLite& message);
  // Ends the call, after the Write under way if there is one. The first Finish or Leave counts.
  void Finish(const absl::Status& status);
  // Ends the call because the server goes: UNAVAILABLE without ErrorInfo, so that clients retry.
  void Leave();
  // Ends the call at once, whatever is under way: for a client that does not read what it is sent.
  void Cancel() { context_.TryCancel(); }
  bool draining() const;
  // Who made it.
  const Caller& caller() const { return caller_; }

 private:
  friend class StreamCalls;

  // One for each kind of operation, since a queue hands back nothing else.
  struct Event : public QueueEvent {
    using Handler = void (StreamCall::*)(bool ok);
    Event(StreamCall* call, Handler handler) : call(call), handler(handler) {}
    void OnEvent(bool ok) override { (call->*handler)(ok); }

    StreamCall* const call;
    const Handler handler;
  };

  explicit StreamCall(StreamCalls* calls);
  ~StreamCall() = default;
  void End(const grpc::Status& status);
  void SendEnd();
  void DeleteIfOver();
  void OnAccepted(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool ok);
  void OnDone(bool ok);

  StreamCalls* const calls_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_;
  grpc::ByteBuffer message_;
  Caller caller_;
  CallTrace trace_;
  MethodMeter* meter_ = nullptr;  // once it is accepted
  MethodMeter::Clock::time_point began_;
  std::unique_ptr<StreamHandler> handler_;
  std::optional<grpc::Status> end_;
  size_t write_bytes_ = 0;  // of the write under way
  int pending_ = 0;         // operations under way, but for the notice of the call's end
  bool writing_ = false;    // one of them is a write
  bool ended_ = false;      // by the handler or by the client: the handler is told nothing more
  bool done_ = false;       // gRPC has said that the call is over
  Event accepted_{this, &StreamCall::OnAccepted};
  Event read_{this, &StreamCall::OnRead};
  Event written_{this, &StreamCall::OnWritten};
  Event finished_{this, &StreamCall::OnFinished};
  Event done_event_{this, &StreamCall::OnDone};
};

// The calls of one queue.
class StreamCalls {
 public:
  // Open at a time on one queue; RESOURCE_EXHAUSTED past that. Each takes some ten KiB.
  static constexpr size_t kMaxOpen = 4096;
  // Of messages on their way to clients, on one queue: gRPC keeps each whole until the client has
  // taken it, for as long as that likes.
  static constexpr size_t kMaxWriteBytes = size_t{256} << 20;

  using MakeHandler = std::function<std::unique_ptr<StreamHandler>(StreamCall* call)>;

  // All must outlive the queue's last event. `service` is registered with the server.
  // `tracer` may be null.
  StreamCalls(grpc::AsyncGenericService* service, const CallGate* gate, RpcMeters* meters,
              const tracing::Tracer* tracer, grpc::ServerCompletionQueue* events, QueueState* queue)
      : service_(service),
        gate_(gate),
        tracer_(tracer),
        meters_(meters),
        unknown_(meters->Of(kUnknownMethod)),
        events_(events),
        queue_(queue) {}

  // `path` is "/package.Service/Method", which needs to be in the table of libs/auth/role.h. Before
  // Start. Other paths are UNIMPLEMENTED. `on_refusal` is told of calls that a gate refused.
  void Add(const std::string& path, MakeHandler make_handler, OnRefusal on_refusal = nullptr) {
    methods_.emplace(path, Method{CalledMethod(path, std::move(on_refusal)),
                                  std::move(make_handler), meters_->Of(path)});
  }
  // Waits for calls.
  void Start();
  // Tells every handler that the server goes. Asks nothing of the queue where no call is open.
  void Drain();

 private:
  friend class StreamCall;

  struct Method {
    CalledMethod called;
    MakeHandler make_handler;
    MethodMeter* meter;
  };

  grpc::AsyncGenericService* const service_;
  const CallGate* const gate_;
  const tracing::Tracer* const tracer_;
  RpcMeters* const meters_;
  MethodMeter* const unknown_;
  grpc::ServerCompletionQueue* const events_;
  QueueState* const queue_;
  std::map<std::string, Method> methods_;
  std::unordered_set<StreamCall*> open_;
  size_t write_bytes_ = 0;
  bool draining_ = false;
};

// A service whose methods are such calls.
struct StreamService {
  std::string name;  // "package.Service"
  // Adds its methods to the calls of a queue, once for each queue.
  std::function<void(StreamCalls* calls, grpc::ServerCompletionQueue* events)> add;
};

}  // namespace quotaplane
