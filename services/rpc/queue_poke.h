// From another thread to a call on a completion queue: "look, there is something for you".
//
// Calls are touched by their queue's thread only (services/rpc/stream_call.h), and a report is
// worked out on another. That thread leaves what it has where both see it, and pokes the queue: an
// alarm that rings at once, on the queue's thread. A queue shuts down when its calls are over, and
// nothing may be asked of it after that; a call detaches its poke before it is over, so a late poke
// asks nothing.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/rpc/queue_event.h"

namespace quotaplane {

class QueuePoke : public QueueEvent, public std::enable_shared_from_this<QueuePoke> {
 public:
  // `run` runs on the queue's thread after each Poke, once for pokes that come together, until
  // Detach. Made by std::make_shared.
  QueuePoke(grpc::ServerCompletionQueue* events, std::function<void()> run)
      : events_(events), run_(std::move(run)) {}

  // From any thread.
  void Poke() {
    absl::MutexLock lock(&mutex_);
    if (detached_ || self_ != nullptr) return;
    self_ = shared_from_this();
    alarm_.Set(events_, gpr_now(GPR_CLOCK_MONOTONIC), this);
  }

  // On the queue's thread: `run` runs no more.
  void Detach() {
    absl::MutexLock lock(&mutex_);
    detached_ = true;
  }

  void OnEvent(bool) override {
    std::shared_ptr<QueuePoke> self;
    {
      absl::MutexLock lock(&mutex_);
      self = std::move(self_);
      if (detached_) return;
    }
    run_();
  }

 private:
  grpc::ServerCompletionQueue* const events_;
  const std::function<void()> run_;
  absl::Mutex mutex_;
  grpc::Alarm alarm_ ABSL_GUARDED_BY(mutex_);
  bool detached_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<QueuePoke> self_ ABSL_GUARDED_BY(mutex_);  // while the alarm is set
};

}  // namespace quotaplane
