// The counter store against the oracle, exhaustively: every sequence of five operations (and with
// it every shorter one) over two reservations that share a tight counter.
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <set>

#include "absl/synchronization/mutex.h"
#include "libs/counters/redis/layout.h"
#include "tests/conformance/expect_equal.h"
#include "tests/conformance/oracle.h"
#include "tests/conformance/store_under_test.h"
#include "tests/conformance/topologies.h"
#include "tests/conformance/windows.h"

namespace quotaplane {
namespace {

constexpr int kLength = 5;
// For each of the two ids: Reserve, Extend, Commit, Release. And once: time passes, over the end of
// every hold so far.
constexpr int kOperations = 9;
constexpr int64_t kStartUs = 1'774'738'000'000'000;
constexpr int64_t kTtlUs = 10'000'000;
constexpr int64_t kPassUs = 11'000'000;
constexpr int kInFlight = 256;
// So many that each sequence gets one for itself: a sweep in one must not reach the holds of
// another.
constexpr int kPartitions = 1'000'000'007;

// One sequence on its way: each operation starts when the one before it has been compared.
class Sequence {
 public:
  // stores[k] has a clock at which time has passed k times. `number` in base kOperations is the
  // sequence.
  Sequence(std::vector<std::unique_ptr<StoreUnderTest>>* stores,
           const std::vector<WindowSpec>* windows, int number, std::string org,
           absl::AnyInvocable<void()> finished)
      : stores_(*stores),
        windows_(*windows),
        number_(number),
        org_(std::move(org)),
        oracle_(stores_[0]->store().partitions()),
        finished_(std::move(finished)) {
    oracle_.now_us = kStartUs;
  }

  void Next() {
    while (step_ < kLength) {
      const int operation = TakeDigit();
      ++step_;
      if (operation == kOperations - 1) {
        ++passed_;
        oracle_.now_us += kPassUs;
        continue;
      }
      return Run(operation / 2, ReservationKey{org_, operation % 2 == 0 ? "a" : "b"});
    }
    finished_();
  }

 private:
  int TakeDigit() {
    const int digit = remaining_ % kOperations;
    remaining_ /= kOperations;
    return digit;
  }

  std::vector<CounterUse> Uses(int64_t hold, int64_t charge) const {
    std::vector<CounterUse> uses;
    for (size_t i = 0; i < windows_.size(); ++i) {
      CounterUse use;
      use.counter = HashOf(org_ + "/" + std::to_string(i));
      use.window = &windows_[i];
      use.hold = hold;
      use.charge = charge;
      // Room for one reservation and a bit: a second one is refused, and so is an Extend beside it.
      use.max_used = 13 - hold;
      uses.push_back(use);
    }
    return uses;
  }

  template <typename Result>
  StoreCallback<Result> Compare(Result want) {
    return [this, want = std::move(want)](absl::StatusOr<Result> got) {
      Expect(want, got, number_ * 10 + step_);
      Next();
    };
  }

  void Run(int operation, ReservationKey key) {
    RedisCounterStore& store = stores_[passed_]->store();
    switch (operation) {
      case 0: {
        ReserveCall call{key, 11, 7, kTtlUs, 100, 50, Uses(8, 0)};
        return store.Reserve(call, Soon(), Compare(oracle_.Reserve(call)));
      }
      case 1: {
        ExtendCall call{key, 12, 7, 1, kTtlUs, 120, 60, Uses(12, 0)};
        return store.Extend(call, Soon(), Compare(oracle_.Extend(call)));
      }
      case 2: {
        CommitCall call{key, false, 13, 7, 110, 55, "ledger", 0, Uses(0, 4)};
        return store.Commit(call, Soon(), Compare(oracle_.Commit(call)));
      }
      default:
        return store.Release(key, Soon(), Compare(oracle_.Release(key)));
    }
  }

  std::vector<std::unique_ptr<StoreUnderTest>>& stores_;
  const std::vector<WindowSpec>& windows_;
  const int number_;
  const std::string org_;
  Oracle oracle_;
  absl::AnyInvocable<void()> finished_;
  int remaining_ = number_;
  int step_ = 0;
  int passed_ = 0;
};

// Orgs no two of which share a partition.
std::vector<std::string> OrgsOfTheirOwn(int count) {
  std::vector<std::string> orgs;
  std::set<int> taken;
  for (int i = 0; static_cast<int>(orgs.size()) < count; ++i) {
    std::string org = "org" + std::to_string(i);
    if (taken.insert(PartitionOf(org, kPartitions)).second) orgs.push_back(std::move(org));
  }
  return orgs;
}

class AllSequences : public testing::TestWithParam<const char*> {};

TEST_P(AllSequences, AgreeWithTheOracle) {
  const Topology topology(GetParam());
  std::vector<std::unique_ptr<StoreUnderTest>> stores;
  for (int passed = 0; passed <= kLength; ++passed) {
    stores.push_back(std::make_unique<StoreUnderTest>(topology.url(), kPartitions));
    stores.back()->SetNow(kStartUs + passed * kPassUs);
  }
  const std::vector<WindowSpec> windows = {MakeWindow("60s"), MakeWindow("month", "Europe/Berlin")};
  int total = 1;
  for (int i = 0; i < kLength; ++i) total *= kOperations;

  const std::vector<std::string> orgs = OrgsOfTheirOwn(total);
  absl::Mutex mutex;
  int running = 0;
  const auto has_room = [&] { return running < kInFlight; };
  const auto is_idle = [&] { return running == 0; };
  std::deque<std::unique_ptr<Sequence>> sequences;
  for (int number = 0; number < total && !HasFailure(); ++number) {
    {
      absl::MutexLock lock(&mutex);
      mutex.Await(absl::Condition(&has_room));
      ++running;
    }
    sequences.push_back(std::make_unique<Sequence>(&stores, &windows, number, orgs[number], [&] {
      absl::MutexLock lock(&mutex);
      --running;
    }));
    sequences.back()->Next();
  }
  absl::MutexLock lock(&mutex);
  mutex.Await(absl::Condition(&is_idle));
}

INSTANTIATE_TEST_SUITE_P(Over, AllSequences, testing::Values("Standalone", "Tls", "Cluster"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace quotaplane
