#include "services/quota/spool_drain.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <vector>

#include "absl/synchronization/blocking_counter.h"

namespace quotaplane {
namespace {

constexpr int kBatch = 64;
constexpr absl::Duration kPoll = absl::Milliseconds(100);

}  // namespace

SpoolDrain::SpoolDrain(Spool* spool, Admission* admission)
    : spool_(spool), admission_(admission), thread_([this] { Run(); }) {}

SpoolDrain::~SpoolDrain() {
  stop_.Notify();
  thread_.join();
}

void SpoolDrain::Run() {
  while (!stop_.HasBeenNotified()) {
    std::optional<Spool::Entry> first = spool_->Next(kPoll);
    if (!first.has_value()) continue;
    if (ChargeBatch(*std::move(first))) continue;
    spool_->Rewind();
    stop_.WaitForNotificationWithTimeout(kPoll);
  }
}

bool SpoolDrain::ChargeBatch(Spool::Entry first) {
  std::vector<Spool::Entry> batch;
  batch.push_back(std::move(first));
  while (batch.size() < kBatch) {
    std::optional<Spool::Entry> next = spool_->Next(absl::ZeroDuration());
    if (!next.has_value()) break;
    batch.push_back(*std::move(next));
  }
  std::vector<absl::Status> results(batch.size());
  absl::BlockingCounter waiting(static_cast<int>(batch.size()));
  const SteadyTime deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (size_t i = 0; i < batch.size(); ++i) {
    admission_->ChargeSpooled(batch[i].record, deadline,
                              [&, i](absl::StatusOr<CommitAnswer> answer) {
                                results[i] = answer.status();
                                waiting.DecrementCount();
                              });
  }
  waiting.Wait();
  for (size_t i = 0; i < batch.size(); ++i) {
    const absl::Status& result = results[i];
    if (IsStoreAway(result) || absl::IsResourceExhausted(result)) return false;
    if (!result.ok()) {
      spdlog::error("spooled usage at {} was not charged: {}", batch[i].position,
                    result.ToString());
    }
    spool_->Acknowledge(batch[i].position);
  }
  spdlog::info("charged {} spooled commits", batch.size());
  return true;
}

}  // namespace quotaplane
