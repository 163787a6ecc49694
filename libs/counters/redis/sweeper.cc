#include "libs/counters/redis/sweeper.h"

namespace quotaplane {
namespace {

SteadyTime StepDeadline() { return std::chrono::steady_clock::now() + std::chrono::seconds(1); }

}  // namespace

Sweeper::Sweeper(RedisCounterStore* store, SweeperOptions options)
    : store_(store), options_(options), thread_([this] { Run(); }) {}

Sweeper::~Sweeper() {
  stop_.Notify();
  thread_.join();
}

int Sweeper::Await(absl::FunctionRef<void(StoreCallback<int>)> start) {
  absl::Notification finished;
  int count = -1;
  start([&](absl::StatusOr<int> result) {
    count = result.ok() ? *result : -1;
    finished.Notify();
  });
  finished.WaitForNotification();
  return count;
}

void Sweeper::Run() {
  // One partition at a time, spread over the interval: no bursts on the server.
  const absl::Duration pause = options_.interval / store_->partitions();
  for (int partition = 0; !stop_.WaitForNotificationWithTimeout(pause);
       partition = (partition + 1) % store_->partitions()) {
    int ended;
    do {
      ended = Await([&](StoreCallback<int> done) {
        store_->SweepPartition(partition, options_.batch, StepDeadline(), std::move(done));
      });
    } while (ended == options_.batch && !stop_.HasBeenNotified());
    Await([&](StoreCallback<int> done) {
      store_->CollectPartition(partition, options_.collect_batch, StepDeadline(), std::move(done));
    });
  }
}

}  // namespace quotaplane
