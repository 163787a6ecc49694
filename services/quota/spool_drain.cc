#include "services/quota/spool_drain.h"

#include <chrono>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

constexpr int kBatch = 64;
constexpr absl::Duration kPoll = absl::Milliseconds(100);
// After an error that time alone does not mend, such as a Redis that lets us in but not run
// scripts.
constexpr absl::Duration kMendPause = absl::Seconds(2);

// Not a record, or its id was committed with other usage before: trying again changes nothing.
bool CanNeverBeCharged(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsAlreadyExists(status);
}

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
    const absl::Status charged = ChargeBatch(*std::move(first));
    if (charged.ok()) continue;
    spool_->Rewind();
    const bool passes = IsStoreAway(charged) || absl::IsResourceExhausted(charged);
    if (!passes) LogError("spooled usage waits, and is tried again: {}", charged.ToString());
    stop_.WaitForNotificationWithTimeout(passes ? kPoll : kMendPause);
  }
}

absl::Status SpoolDrain::ChargeBatch(Spool::Entry first) {
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
    if (CanNeverBeCharged(result)) {
      LogError("spooled usage at {} was not charged: {}", batch[i].position, result.ToString());
    } else if (!result.ok()) {
      return result;
    }
    spool_->Acknowledge(batch[i].position);
  }
  LogInfo("charged {} spooled commits", batch.size());
  return absl::OkStatus();
}

}  // namespace quotaplane
