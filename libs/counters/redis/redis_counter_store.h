// The counter store on Redis: one script call, one round trip for nearly every step (layout.h,
// scripts/*.lua).
//
// Calendar periods are computed here, since Lua has no time zones, but decided there: the script
// compares them with its own clock and says so if they are not the ones of now. Then, and where
// more keys are needed, the call is made again with what the reply told. Replicas' clocks therefore
// do not matter.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/counters/counter_store.h"
#include "libs/counters/redis/layout.h"
#include "libs/counters/redis/told_thresholds.h"
#include "libs/redis/client.h"

namespace quotaplane {

struct RedisCounterStoreOptions {
  // Fixed at the first start of a deployment; a store that was made with another number refuses to
  // open.
  int partitions = kDefaultPartitions;
  // How long the outcome of an ended reservation is remembered.
  absl::Duration retention = absl::Minutes(10);
  // For tests only: stands in for the store's clock (Unix microseconds). Must be thread-safe.
  absl::AnyInvocable<int64_t() const> test_clock;
};

// What a replica knows of the store's clock: its distance to this machine's steady clock, from the
// last reply. Lock-free.
class StoreClock {
 public:
  StoreClock();
  int64_t EstimatedNowUs() const;
  void Observe(int64_t store_now_us);

 private:
  std::atomic<int64_t> offset_us_;
};

class RedisCounterStore : public CounterStore {
 public:
  // `client` must have been started with GetCounterScripts().all(), and outlive the store and its
  // calls.
  RedisCounterStore(redis::Client* client, RedisCounterStoreOptions options);

  // Writes the number of partitions at the first start and compares it at every other:
  // FAILED_PRECONDITION if it differs, and a note in *warning if the server may evict counters
  // (maxmemory-policy). Learns the store's time, so that the first call is already priced by the
  // store's day. Blocks; not on the client's thread.
  absl::Status CheckDeployment(absl::Duration timeout, std::string* warning);

  void Reserve(ReserveCall call, SteadyTime deadline, StoreCallback<ReserveResult> done) override;
  void Extend(ExtendCall call, SteadyTime deadline, StoreCallback<ExtendResult> done) override;
  void Commit(CommitCall call, SteadyTime deadline, StoreCallback<CommitResult> done) override;
  void Adjust(AdjustCall call, SteadyTime deadline, StoreCallback<AdjustResult> done) override;
  void Release(ReservationKey key, SteadyTime deadline, StoreCallback<ReleaseResult> done) override;
  void TellRefused(TellRefusedCall call, SteadyTime deadline,
                   StoreCallback<TellRefusedResult> done) override;
  void Read(std::string_view org, std::vector<CounterUse> uses, SteadyTime deadline,
            StoreCallback<ReadResult> done) override;
  int64_t EstimatedNowUs() const override;

  // Ends reservations of a partition that are past their end, at most `most`; gives how many it
  // ended.
  void SweepPartition(int partition, int most, SteadyTime deadline, StoreCallback<int> done);
  // Deletes counters of a partition that count nothing any more, looking at no more than `most`;
  // gives how many it looked at.
  void CollectPartition(int partition, int most, SteadyTime deadline, StoreCallback<int> done);

  int partitions() const { return options_.partitions; }

 private:
  template <typename Traits>
  friend class StoreStep;
  friend class SettleStep;

  void Observe(int64_t store_now_us);
  // 0 where the script is to ask the server.
  double ScriptNow() const;

  redis::Client* const client_;
  const RedisCounterStoreOptions options_;
  StoreClock clock_;
  ToldThresholds told_;
};

}  // namespace quotaplane
