// Keeps the store tidy: ends reservations that are past their end, and deletes counters that count
// nothing any more. Any number of replicas may run one; they do not disturb each other.
#pragma once

#include <memory>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/counters/redis/redis_counter_store.h"

namespace quotaplane {

struct SweeperOptions {
  // Every partition is swept this often. A hold ends at the latest this long (and a round trip)
  // after its expiry.
  absl::Duration interval = absl::Seconds(1);
  // Reservations ended per partition and round trip, as long as there are more.
  int batch = 200;
  // Counters looked at per partition and interval.
  int collect_batch = 20;
};

class Sweeper {
 public:
  // Starts one thread. `store` must outlive it.
  Sweeper(RedisCounterStore* store, SweeperOptions options);
  // Stops after the round trip under way.
  ~Sweeper();

 private:
  void Run();

  RedisCounterStore* const store_;
  const SweeperOptions options_;
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
