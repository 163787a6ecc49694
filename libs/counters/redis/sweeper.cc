#include "libs/counters/redis/sweeper.h"

#include "libs/base/await.h"

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

void Sweeper::Run() {
  // One partition at a time, spread over the interval: no bursts on the server.
  const absl::Duration pause = options_.interval / store_->partitions();
  for (int partition = 0; !stop_.WaitForNotificationWithTimeout(pause);
       partition = (partition + 1) % store_->partitions()) {
    absl::StatusOr<int> ended;
    do {
      ended = Await<int>([&](StoreCallback<int> done) {
        store_->SweepPartition(partition, options_.batch, StepDeadline(), std::move(done));
      });
    } while (ended.ok() && *ended == options_.batch && !stop_.HasBeenNotified());
    // What fails is tried again at the next interval.
    (void)Await<int>([&](StoreCallback<int> done) {
      store_->CollectPartition(partition, options_.collect_batch, StepDeadline(), std::move(done));
    });
  }
}

}  // namespace quotaplane
