#include "services/rpc/stream_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/rpc/status_convert.h"
#include "services/rpc/call_log.h"
#include "services/rpc/request_id.h"

namespace quotaplane {
namespace {

// Calls that wait on one queue, so that a burst finds its place ready.
constexpr int kWaitingCalls = 8;

}  // namespace

StreamCall::StreamCall(StreamCalls* calls) : calls_(calls), stream_(&context_) {
  // A watcher has no operation under way most of the time: this tells that its client is gone.
  context_.AsyncNotifyWhenDone(&done_event_);
  calls_->service_->RequestCall(&context_, &stream_, calls_->events_, calls_->events_, &accepted_);
}

void StreamCall::OnAccepted(bool ok) {
  if (!ok) {
    delete this;  // the server has shut down; of a call that never began no end is told
    return;
  }
  ++calls_->queue_->in_flight;
  calls_->open_.insert(this);
  new StreamCall(calls_);
  began_ = MethodMeter::Clock::now();
  const auto found = calls_->methods_.find(context_.method());
  meter_ = found == calls_->methods_.end() ? calls_->unknown_ : found->second.meter;
  if (found == calls_->methods_.end()) {
    return Finish(absl::UnimplementedError("the server has no such method"));
  }
  if (calls_->open_.size() > StreamCalls::kMaxOpen) {
    return Finish(absl::ResourceExhaustedError(
        absl::StrCat("more than ", StreamCalls::kMaxOpen, " streams are open")));
  }
  caller_.request_id = RequestIdOf(context_);
  // Not probes: a watcher's call lasts for days.
  if (found->first.starts_with("/quotaplane.")) {
    trace_.Begin(calls_->tracer_, context_, found->first);
  }
  const absl::Status entered = calls_->gate_->Enter(context_, found->second.called, true, &caller_);
  if (!entered.ok()) return Finish(entered);
  handler_ = found->second.make_handler(this);
  Read();
  if (calls_->draining_) handler_->OnDrain();
}

void StreamCall::Read() {
  if (ended_) return;
  ++pending_;
  stream_.Read(&message_, &read_);
}

void StreamCall::OnRead(bool ok) {
  --pending_;
  if (!ended_) ok ? handler_->OnMessage(&message_) : handler_->OnEndOfMessages();
  DeleteIfOver();
}

void StreamCall::Write(const google::protobuf::MessageLite& message) {
  if (ended_) return;
  grpc::ByteBuffer bytes;
  bool owned = false;
  const grpc::Status serialized =
      grpc::SerializationTraits<google::protobuf::MessageLite>::Serialize(message, &bytes, &owned);
  if (!serialized.ok()) return End(serialized);
  if (calls_->write_bytes_ + bytes.Length() > StreamCalls::kMaxWriteBytes) {
    return Finish(ReasonedError(absl::StatusCode::kResourceExhausted, "OVERLOADED",
                                "too much waits for clients that do not read their answers; retry "
                                "with backoff"));
  }
  write_bytes_ = bytes.Length();
  calls_->write_bytes_ += write_bytes_;
  ++pending_;
  writing_ = true;
  stream_.Write(bytes, &written_);
}

void StreamCall::OnWritten(bool ok) {
  --pending_;
  writing_ = false;
  calls_->write_bytes_ -= write_bytes_;
  if (end_.has_value()) {
    SendEnd();
  } else if (!ok) {
    context_.TryCancel();  // the stream is broken; OnDone follows
  } else if (!ended_) {
    handler_->OnWritten();
  }
  DeleteIfOver();
}

void StreamCall::Finish(const absl::Status& status) { End(ToGrpcStatus(status)); }

void StreamCall::Leave() { End(grpc::Status(grpc::UNAVAILABLE, "the server is shutting down")); }

bool StreamCall::draining() const { return calls_->draining_; }

void StreamCall::End(const grpc::Status& status) {
  if (ended_) return;
  ended_ = true;
  end_ = status;
  trace_.End(status.error_code(), status.error_message());
  if (caller_.method != nullptr && LogsCall(status.error_code())) {
    LogCall(*caller_.method, caller_.request_id, status, std::chrono::steady_clock::now() - began_);
  }
  if (!writing_) SendEnd();
}

void StreamCall::SendEnd() {
  if (done_) return;  // nobody is there to hear it
  if (!caller_.request_id.empty()) {
    context_.AddTrailingMetadata(kRequestIdKey, caller_.request_id);
  }
  ++pending_;
  stream_.Finish(*end_, &finished_);
}

void StreamCall::OnFinished(bool) {
  --pending_;
  DeleteIfOver();
}

void StreamCall::OnDone(bool) {
  done_ = true;
  if (!ended_) trace_.End(grpc::CANCELLED, "the client is gone");
  ended_ = true;
  DeleteIfOver();
}

void StreamCall::DeleteIfOver() {
  if (!done_ || pending_ > 0) return;
  // Without an end of ours the client went first.
  const int code = end_.has_value() ? static_cast<int>(end_->error_code()) : grpc::CANCELLED;
  meter_->Count(code == grpc::OK ? CallOutcome::kNone : CallOutcome::kError, code, began_);
  calls_->open_.erase(this);
  --calls_->queue_->in_flight;
  delete this;
}

void StreamCalls::Start() {
  for (int i = 0; i < kWaitingCalls; ++i) new StreamCall(this);
}

void StreamCalls::Drain() {
  draining_ = true;
  // A handler may end its call now, but no call goes before its events come.
  for (StreamCall* call : open_) {
    if (!call->ended_) call->handler_->OnDrain();
  }
}

}  // namespace quotaplane
