#include "services/rpc/pooled_calls.h"

#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/error.h"
#include "libs/log/log.h"
#include "services/rpc/queue_poke.h"

namespace quotaplane {
namespace {

using Answer = absl::StatusOr<std::unique_ptr<google::protobuf::Message>>;

absl::Status Overloaded() {
  return ReasonedError(absl::StatusCode::kResourceExhausted, "OVERLOADED",
                       "too many calls of this kind are waiting; retry with backoff");
}

absl::Status NoRequest() { return FieldError({{"request", "is missing"}}); }

// What the log says of a call while it is worked on.
struct Name {
  explicit Name(const StreamCall& call)
      : method(call.caller().method->path), request_id(call.caller().request_id) {}

  std::string method;
  std::string request_id;
};

// What a worker and the queue's thread share of a call with one answer.
struct Desk {
  std::shared_ptr<QueuePoke> poke;
  absl::Mutex mutex;
  bool left ABSL_GUARDED_BY(mutex) = false;  // the call is over
  std::optional<Answer> answer ABSL_GUARDED_BY(mutex);
};

class AnswerHandler : public StreamHandler {
 public:
  AnswerHandler(PrepareAnswer prepare, WorkPool* pool, grpc::ServerCompletionQueue* events,
                StreamCall* call)
      : prepare_(std::move(prepare)), pool_(pool), call_(call), desk_(std::make_shared<Desk>()) {
    desk_->poke = std::make_shared<QueuePoke>(events, [this] { OnAnswer(); });
  }

  ~AnswerHandler() override {
    desk_->poke->Detach();
    absl::MutexLock lock(&desk_->mutex);
    desk_->left = true;
  }

  void OnMessage(grpc::ByteBuffer* message) override {
    absl::StatusOr<AnswerWork> work = prepare_(message, call_->caller());
    if (!work.ok()) return call_->Finish(work.status());
    const bool added = pool_->Add([desk = desk_, work = *std::move(work), name = Name(*call_)] {
      {
        absl::MutexLock lock(&desk->mutex);
        if (desk->left) return;
      }
      const LogScope scope({{"method", name.method}, {"request_id", name.request_id}});
      Answer answer = work();
      {
        absl::MutexLock lock(&desk->mutex);
        desk->answer = std::move(answer);
      }
      desk->poke->Poke();
    });
    if (!added) call_->Finish(Overloaded());
  }
  void OnEndOfMessages() override { call_->Finish(NoRequest()); }
  void OnWritten() override { call_->Finish(absl::OkStatus()); }
  void OnDrain() override {}  // its request is on the way, or worked on

 private:
  void OnAnswer() {
    std::optional<Answer> answer;
    {
      absl::MutexLock lock(&desk_->mutex);
      answer = std::move(desk_->answer);
    }
    if (!answer.has_value()) return;
    answer->ok() ? call_->Write(***answer) : call_->Finish(answer->status());
  }

  const PrepareAnswer prepare_;
  WorkPool* const pool_;
  StreamCall* const call_;
  const std::shared_ptr<Desk> desk_;
};

// The same for a stream: a place for one chunk.
class Belt {
 public:
  std::shared_ptr<QueuePoke> poke;

  // The worker's side. Waits until the place is free.
  absl::Status Put(std::unique_ptr<google::protobuf::Message> chunk, absl::Duration stall) {
    {
      absl::MutexLock lock(&mutex_);
      if (!mutex_.AwaitWithTimeout(absl::Condition(this, &Belt::MayPut), stall)) {
        stalled_ = true;
      } else if (left_) {
        return absl::CancelledError("the client is gone");
      } else {
        chunk_ = std::move(chunk);
      }
    }
    poke->Poke();
    absl::MutexLock lock(&mutex_);
    return stalled_ ? absl::CancelledError("the client does not read") : absl::OkStatus();
  }
  void End(absl::Status status) {
    {
      absl::MutexLock lock(&mutex_);
      end_ = std::move(status);
    }
    poke->Poke();
  }
  bool left() {
    absl::MutexLock lock(&mutex_);
    return left_;
  }

  // The queue's side.
  std::unique_ptr<google::protobuf::Message> Take() {
    absl::MutexLock lock(&mutex_);
    return std::move(chunk_);
  }
  // Once all chunks are taken.
  std::optional<absl::Status> end() {
    absl::MutexLock lock(&mutex_);
    return chunk_ != nullptr ? std::nullopt : end_;
  }
  bool stalled() {
    absl::MutexLock lock(&mutex_);
    return stalled_;
  }
  void Leave() {
    absl::MutexLock lock(&mutex_);
    left_ = true;
  }

 private:
  bool MayPut() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return left_ || chunk_ == nullptr; }

  absl::Mutex mutex_;
  std::unique_ptr<google::protobuf::Message> chunk_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  bool stalled_ ABSL_GUARDED_BY(mutex_) = false;
  bool left_ ABSL_GUARDED_BY(mutex_) = false;
};

class StreamingHandler : public StreamHandler {
 public:
  StreamingHandler(PrepareStream prepare, WorkPool* pool, grpc::ServerCompletionQueue* events,
                   StreamCall* call, absl::Duration stall)
      : prepare_(std::move(prepare)),
        pool_(pool),
        call_(call),
        stall_(stall),
        belt_(std::make_shared<Belt>()) {
    belt_->poke = std::make_shared<QueuePoke>(events, [this] { Move(); });
  }

  ~StreamingHandler() override {
    belt_->poke->Detach();
    belt_->Leave();
  }

  void OnMessage(grpc::ByteBuffer* message) override {
    absl::StatusOr<StreamWork> work = prepare_(message, call_->caller());
    if (!work.ok()) return call_->Finish(work.status());
    const bool added =
        pool_->Add([belt = belt_, stall = stall_, work = *std::move(work), name = Name(*call_)] {
          if (belt->left()) return;
          const LogScope scope({{"method", name.method}, {"request_id", name.request_id}});
          belt->End(work([&](std::unique_ptr<google::protobuf::Message> chunk) {
            if (chunk != nullptr) return belt->Put(std::move(chunk), stall);
            return belt->left() ? absl::CancelledError("the client is gone") : absl::OkStatus();
          }));
        });
    if (!added) call_->Finish(Overloaded());
  }
  void OnEndOfMessages() override { call_->Finish(NoRequest()); }
  void OnWritten() override {
    writing_ = false;
    Move();
  }
  void OnDrain() override {
    belt_->Leave();
    call_->Leave();
  }

 private:
  // Whatever is next: a chunk, or the end.
  void Move() {
    // A write that does not end would keep Finish waiting, too.
    if (belt_->stalled()) return call_->Cancel();
    if (writing_) return;
    if (const auto chunk = belt_->Take(); chunk != nullptr) {
      writing_ = true;
      call_->Write(*chunk);
    } else if (const std::optional<absl::Status> end = belt_->end()) {
      call_->Finish(*end);
    }
  }

  const PrepareStream prepare_;
  WorkPool* const pool_;
  StreamCall* const call_;
  const absl::Duration stall_;
  const std::shared_ptr<Belt> belt_;
  bool writing_ = false;
};

}  // namespace

std::unique_ptr<StreamHandler> HandleAnswer(PrepareAnswer prepare, WorkPool* pool,
                                            grpc::ServerCompletionQueue* events, StreamCall* call) {
  return std::make_unique<AnswerHandler>(std::move(prepare), pool, events, call);
}

std::unique_ptr<StreamHandler> HandleStream(PrepareStream prepare, WorkPool* pool,
                                            grpc::ServerCompletionQueue* events, StreamCall* call,
                                            absl::Duration stall) {
  return std::make_unique<StreamingHandler>(std::move(prepare), pool, events, call, stall);
}

}  // namespace quotaplane
