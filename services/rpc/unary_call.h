// One unary call on a completion queue, from waiting for a request to the end of its answer.
//
// The answer may be finished from any thread, so the hot path needs no hop back to the queue: the
// thread that read the store's reply sends it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/async_unary_call.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "libs/rpc/status_convert.h"
#include "services/rpc/call_gate.h"
#include "services/rpc/call_log.h"
#include "services/rpc/call_trace.h"
#include "services/rpc/parse_request.h"
#include "services/rpc/queue_event.h"
#include "services/rpc/request_id.h"
#include "services/rpc/rpc_meters.h"

namespace quotaplane {

template <typename Request, typename Response>
class UnaryCall : public QueueEvent {
 public:
  using Writer = grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>;
  // Asks the service for the next call of the method: Service::RequestReserve and the like.
  using Accept = std::function<void(grpc::ServerContext*, grpc::ByteBuffer*, Writer*, void*)>;
  // Ends the call with a response, or an error.
  class Finisher;
  using Handler =
      std::function<void(const Request&, const Caller& caller,
                         std::chrono::system_clock::time_point deadline, Finisher finisher)>;

  // Shared by all calls of a method on one queue.
  struct Method {
    Accept accept;
    Handler handler;
    const char* request_name;
    const CalledMethod* called;
    const CallGate* gate;
    const tracing::Tracer* tracer;  // may be null
    QueueState* queue;
    MethodMeter* meter;
  };

  // Waits for the next call. Owns itself from here on.
  static void Start(const Method* method) { new UnaryCall(method); }

  class Finisher {
   public:
    explicit Finisher(UnaryCall* call) : call_(call) {}
    void Finish(const Response& response, CallOutcome outcome) { call_->Finish(response, outcome); }
    void Finish(const absl::Status& status) { call_->Finish(status); }
    // Until the call is finished.
    CallTrace& trace() const { return call_->trace_; }

   private:
    UnaryCall* call_;
  };

  void OnEvent(bool ok) override {
    if (finished_) {
      --method_->queue->in_flight;
      delete this;
    } else if (!ok || method_->queue->stopping) {
      delete this;  // the server has shut down, and with it this call
    } else {
      began_ = MethodMeter::Clock::now();
      ++method_->queue->in_flight;
      Start(method_);
      Handle();
    }
  }

 private:
  explicit UnaryCall(const Method* method) : method_(method), writer_(&context_) {
    method_->accept(&context_, &request_, &writer_, this);
  }

  void Handle() {
    Caller caller;
    trace_.Begin(method_->tracer, context_, method_->called->path);
    const absl::Status entered = method_->gate->Enter(context_, *method_->called, false, &caller);
    if (!entered.ok()) return Finish(entered);
    Request request;
    const absl::Status parsed = ParseRequest(method_->request_name, &request_, caller, &request);
    if (!parsed.ok()) return Finish(parsed);
    method_->handler(request, caller, context_.deadline(), Finisher(this));
  }

  void Finish(const Response& response, CallOutcome outcome) {
    grpc::ByteBuffer bytes;
    bool owned = false;
    const grpc::Status serialized =
        grpc::SerializationTraits<Response>::Serialize(response, &bytes, &owned);
    method_->meter->Count(outcome, 0, began_);
    trace_.Set("quotaplane.decision", CallOutcomeName(outcome));
    trace_.End(serialized.error_code(), serialized.error_message());
    if (LogsCall(serialized.error_code())) NoteEnd(serialized);
    finished_ = true;
    writer_.Finish(bytes, serialized, this);
  }

  void Finish(const absl::Status& status) {
    method_->meter->Count(CallOutcome::kError, static_cast<int>(status.code()), began_);
    const grpc::Status error = ToGrpcStatus(status);
    trace_.End(error.error_code(), error.error_message());
    NoteEnd(error);
    finished_ = true;
    writer_.FinishWithError(error, this);
  }

  // Whoever asks why a call failed can say which.
  void NoteEnd(const grpc::Status& status) {
    const std::string id = RequestIdOf(context_);
    context_.AddTrailingMetadata(kRequestIdKey, id);
    if (!LogsCall(status.error_code())) return;
    LogCall(*method_->called, id, status, std::chrono::steady_clock::now() - began_);
  }

  const Method* const method_;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  Writer writer_;
  MethodMeter::Clock::time_point began_;
  CallTrace trace_;
  // Written before Finish hands the tag to the queue, read when the tag comes back: the queue
  // orders the two.
  bool finished_ = false;
};

}  // namespace quotaplane
