// A counter store on a real Redis, with a hand-moved clock and calls that wait.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "libs/counters/redis/redis_counter_store.h"
#include "libs/counters/redis/scripts.h"
#include "libs/redis/client.h"

namespace quotaplane {

inline SteadyTime In(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}
// Generous: these tests are about results, on machines that may be busy.
inline SteadyTime Soon() { return In(std::chrono::seconds(20)); }

class StoreUnderTest {
 public:
  // Aborts if the server does not get ready.
  explicit StoreUnderTest(const std::string& url, int partitions = 64);

  RedisCounterStore& store() { return *store_; }
  redis::Client& client() { return *client_; }
  void SetNow(int64_t now_us) { now_us_ = now_us; }

  absl::StatusOr<ReserveResult> Reserve(ReserveCall call);
  absl::StatusOr<ExtendResult> Extend(ExtendCall call);
  absl::StatusOr<CommitResult> Commit(CommitCall call);
  absl::StatusOr<AdjustResult> Adjust(AdjustCall call);
  absl::StatusOr<TellRefusedResult> TellRefused(TellRefusedCall call);
  absl::StatusOr<ReleaseResult> Release(ReservationKey key);
  absl::StatusOr<ReadResult> Read(const std::string& org, std::vector<CounterUse> uses);
  absl::StatusOr<int> Sweep(int partition);
  absl::StatusOr<int> Collect(int partition, int most);

 private:
  std::atomic<int64_t> now_us_ = 0;
  std::unique_ptr<redis::Client> client_;
  std::unique_ptr<RedisCounterStore> store_;
};

}  // namespace quotaplane
