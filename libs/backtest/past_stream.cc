#include "libs/backtest/past_stream.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <optional>
#include <thread>
#include <utility>

#include "libs/base/mutex.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr size_t kBatchCharges = 1'000;
constexpr size_t kWaitingBatches = 8;

// From the thread that reads to the one that takes.
class Queue {
 public:
  // Waits for room. False: nobody takes any more.
  bool Put(PastBatch batch) {
    MutexLock lock(mu_);
    while (batches_.size() >= kWaitingBatches && !closed_) changed_.wait(mu_);
    if (closed_) return false;
    batches_.push_back(std::move(batch));
    changed_.notify_all();
    return true;
  }
  void End(const absl::Status& status) {
    MutexLock lock(mu_);
    ended_ = true;
    status_ = Unshared(status);
    changed_.notify_all();
  }

  // Nothing: none came in kAskEvery, or there will be none.
  std::optional<PastBatch> Take(bool* ended) {
    MutexLock lock(mu_);
    if (batches_.empty() && !ended_) changed_.wait_for(mu_, absl::ToChronoMilliseconds(kAskEvery));
    *ended = ended_ && batches_.empty();
    if (batches_.empty()) return std::nullopt;
    PastBatch batch = std::move(batches_.front());
    batches_.pop_front();
    changed_.notify_all();
    return batch;
  }
  void Close() {
    MutexLock lock(mu_);
    closed_ = true;
    changed_.notify_all();
  }
  absl::Status status() {
    MutexLock lock(mu_);
    return Unshared(status_);
  }

 private:
  Mutex mu_;
  std::condition_variable_any changed_;
  std::deque<PastBatch> batches_ ABSL_GUARDED_BY(mu_);
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

absl::Status Stopped() { return absl::CancelledError("the reading was stopped"); }

absl::Status ReadInto(sql::Session& session, const PastRange& range, const UsedDimensions& used,
                      Queue* queue) {
  PastBatch batch;
  const auto put = [&] {
    PastBatch full = std::exchange(batch, {});
    batch.charges.reserve(kBatchCharges);
    return queue->Put(std::move(full)) ? absl::OkStatus() : Stopped();
  };
  QP_RETURN_IF_ERROR(StreamPast(session, range, used, [&](PastCharge charge, int entries) {
    batch.charges.push_back(std::move(charge));
    batch.entries += entries;
    return batch.charges.size() < kBatchCharges ? absl::OkStatus() : put();
  }));
  return batch.charges.empty() ? absl::OkStatus() : put();
}

absl::Status TakeFrom(Queue* queue, absl::FunctionRef<absl::Status(const PastBatch&)> take,
                      absl::FunctionRef<bool()> go_on) {
  auto asked = std::chrono::steady_clock::now();
  for (bool ended = false; !ended;) {
    const std::optional<PastBatch> batch = queue->Take(&ended);
    if (batch.has_value()) QP_RETURN_IF_ERROR(take(*batch));
    const auto now = std::chrono::steady_clock::now();
    if (batch.has_value() && now - asked < absl::ToChronoMilliseconds(kAskEvery)) continue;
    asked = now;
    if (!go_on()) return Stopped();
  }
  return queue->status();
}

}  // namespace

absl::Status TakePast(sql::Session& session, const PastRange& range, const UsedDimensions& used,
                      absl::FunctionRef<absl::Status(const PastBatch&)> take,
                      absl::FunctionRef<bool()> go_on) {
  if (!go_on()) return Stopped();
  Queue queue;
  std::thread reader([&] { queue.End(ReadInto(session, range, used, &queue)); });
  absl::Status status = TakeFrom(&queue, take, go_on);
  queue.Close();
  reader.join();
  return status;
}

}  // namespace quotaplane
