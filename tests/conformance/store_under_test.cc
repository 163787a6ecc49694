#include "tests/conformance/store_under_test.h"

#include <utility>

#include "libs/base/await.h"
#include "libs/counters/redis/crossing_stream.h"
#include "libs/testing/fatal.h"

namespace quotaplane {

StoreUnderTest::StoreUnderTest(const std::string& url, int partitions) {
  redis::ClientOptions options;
  options.url = url;
  options.silence_timeout = absl::Seconds(10);  // a busy machine is not an outage
  std::vector<const redis::Script*> scripts = GetCounterScripts().all();
  scripts.push_back(&redis::AcknowledgeScript());
  absl::StatusOr<std::unique_ptr<redis::Client>> client = redis::Client::Start(options, scripts);
  if (!client.ok()) fixtures::Fatal(client.status().ToString());
  client_ = *std::move(client);
  if (absl::Status ready = client_->WaitReady(absl::Seconds(20)); !ready.ok()) {
    fixtures::Fatal(ready.ToString());
  }
  RedisCounterStoreOptions store_options;
  store_options.partitions = partitions;
  // Outcomes are forgotten by the server's own clock, which these tests do not move.
  store_options.retention = absl::Hours(1);
  store_options.test_clock = [this] { return now_us_.load(); };
  store_ = std::make_unique<RedisCounterStore>(client_.get(), std::move(store_options));
}

absl::StatusOr<ReserveResult> StoreUnderTest::Reserve(ReserveCall call) {
  return Await<ReserveResult>(
      [&](StoreCallback<ReserveResult> done) { store_->Reserve(call, Soon(), std::move(done)); });
}

absl::StatusOr<ExtendResult> StoreUnderTest::Extend(ExtendCall call) {
  return Await<ExtendResult>(
      [&](StoreCallback<ExtendResult> done) { store_->Extend(call, Soon(), std::move(done)); });
}

absl::StatusOr<CommitResult> StoreUnderTest::Commit(CommitCall call) {
  return Await<CommitResult>(
      [&](StoreCallback<CommitResult> done) { store_->Commit(call, Soon(), std::move(done)); });
}

absl::StatusOr<AdjustResult> StoreUnderTest::Adjust(AdjustCall call) {
  return Await<AdjustResult>(
      [&](StoreCallback<AdjustResult> done) { store_->Adjust(call, Soon(), std::move(done)); });
}

absl::StatusOr<TellRefusedResult> StoreUnderTest::TellRefused(TellRefusedCall call) {
  return Await<TellRefusedResult>([&](StoreCallback<TellRefusedResult> done) {
    store_->TellRefused(call, Soon(), std::move(done));
  });
}

absl::StatusOr<ReleaseResult> StoreUnderTest::Release(ReservationKey key) {
  return Await<ReleaseResult>(
      [&](StoreCallback<ReleaseResult> done) { store_->Release(key, Soon(), std::move(done)); });
}

absl::StatusOr<ReadResult> StoreUnderTest::Read(const std::string& org,
                                                std::vector<CounterUse> uses) {
  return Await<ReadResult>(
      [&](StoreCallback<ReadResult> done) { store_->Read(org, uses, Soon(), std::move(done)); });
}

absl::StatusOr<int> StoreUnderTest::Sweep(int partition) {
  return Await<int>([&](StoreCallback<int> done) {
    store_->SweepPartition(partition, 1000, Soon(), std::move(done));
  });
}

absl::StatusOr<int> StoreUnderTest::Collect(int partition, int most) {
  return Await<int>([&](StoreCallback<int> done) {
    store_->CollectPartition(partition, most, Soon(), std::move(done));
  });
}

}  // namespace quotaplane
