// What the sweeps do: P6, every hold ends; and dead counters are deleted, living ones never.
#include <gtest/gtest.h>

#include "libs/counters/redis/layout.h"
#include "libs/counters/redis/sweeper.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_server.h"
#include "tests/conformance/store_under_test.h"
#include "tests/conformance/windows.h"

namespace quotaplane {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kHourUs = 3'600 * kSecondUs;
constexpr int64_t kStartUs = 1'774'738'000'000'000;

class UpkeepTest : public testing::Test {
 protected:
  UpkeepTest() : store_(server_.unix_url(), 1) { store_.SetNow(kStartUs); }

  CounterUse Use(const std::string& name, const WindowSpec& window, int64_t hold, int64_t charge) {
    CounterUse use;
    use.counter = HashOf(name);
    use.window = &window;
    use.hold = hold;
    use.charge = charge;
    return use;
  }

  void Reserve(const std::string& id, std::vector<CounterUse> uses,
               int64_t ttl_us = 10 * kSecondUs) {
    ReserveCall call{{"acme", id}, 1, 7, ttl_us, 0, 0, std::move(uses)};
    const absl::StatusOr<ReserveResult> result = store_.Reserve(call);
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->outcome, ReserveResult::Outcome::kHeld);
  }

  void Charge(const std::string& id, std::vector<CounterUse> uses) {
    CommitCall call{{"acme", id}, true, 1, 7, 0, 0, "ledger", 0, std::move(uses)};
    const absl::StatusOr<CommitResult> result = store_.Commit(call);
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->outcome, CommitResult::Outcome::kCharged);
  }

  int64_t Keys(const std::string& pattern) {
    return static_cast<int64_t>(server_.Command({"KEYS", pattern}).elements.size());
  }

  const WindowSpec minute_ = MakeWindow("60s");
  const WindowSpec month_ = MakeWindow("month", "Europe/Berlin");
  const WindowSpec lifetime_ = MakeWindow("lifetime");
  fixtures::RedisServer server_;
  StoreUnderTest store_;
};

// 200 bytes of Redis for a calendar counter, 800 for a sliding one, all told: its keys, the slots
// of the hash table that they take (16 bytes each at most), and its place in the collection list.
// `tools/bench hotpath` measures the same from outside, by what used_memory grows.
TEST_F(UpkeepTest, CountersStayWithinTheirBytes) {
  constexpr int kCounters = 100;
  const auto bytes_per_counter = [&] {
    int64_t bytes = 0;
    for (const char* pattern : {"{p0}c*", "{p0}w*", "{p0}g"}) {
      for (const fixtures::RespReply& key : server_.Command({"KEYS", pattern}).elements) {
        bytes += server_.Command({"MEMORY", "USAGE", key.text, "SAMPLES", "0"}).integer + 16;
      }
    }
    return static_cast<double>(bytes) / kCounters;
  };
  for (int i = 0; i < kCounters; ++i) {
    Charge("c" + std::to_string(i), {Use("c" + std::to_string(i), month_, 0, 1'000'000)});
  }
  EXPECT_EQ(Keys("{p0}w*"), 0);
  EXPECT_GT(bytes_per_counter(), kHeaderBytes);
  EXPECT_LE(bytes_per_counter(), 200);

  server_.Command({"FLUSHALL"});
  // Twice, in slots apart: the second one writes the ring.
  for (int64_t at_us : {kStartUs, kStartUs + 5 * kSecondUs}) {
    store_.SetNow(at_us);
    for (int i = 0; i < kCounters; ++i) {
      const std::string name = "s" + std::to_string(i);
      Charge(name + "/" + std::to_string(at_us), {Use(name, minute_, 0, 1'000'000)});
    }
  }
  EXPECT_EQ(Keys("{p0}w*"), kCounters);
  EXPECT_GT(bytes_per_counter(), kHeaderBytes + kRingBytes);
  EXPECT_LE(bytes_per_counter(), 800);
}

TEST_F(UpkeepTest, P6EveryHoldEnds) {
  const std::vector<CounterUse> uses = {Use("m", minute_, 5, 0), Use("c", month_, 7, 0)};
  for (int i = 0; i < 250; ++i) Reserve("r" + std::to_string(i), uses);
  EXPECT_EQ(store_.Read("acme", uses)->counters[0].held, 250 * 5);
  store_.SetNow(kStartUs + 10 * kSecondUs - 1);
  EXPECT_EQ(*store_.Sweep(0), 0);
  store_.SetNow(kStartUs + 10 * kSecondUs);
  EXPECT_EQ(*store_.Sweep(0), 250);
  EXPECT_EQ(store_.Read("acme", uses)->counters[0].held, 0);
  EXPECT_EQ(store_.Read("acme", uses)->counters[1].held, 0);
  EXPECT_EQ(Keys("{p0}x"), 0);
}

// A hold carries over the end of the period it was made in, and is charged to the one it is
// committed in.
TEST_F(UpkeepTest, HoldsCrossMonthEnds) {
  const int64_t month_end = PeriodAt(month_, kStartUs).end_us;
  store_.SetNow(month_end - kSecondUs);
  std::vector<CounterUse> uses = {Use("c", month_, 7, 0)};
  Charge("old", {Use("c", month_, 0, 100)});
  Reserve("r", uses, kHourUs);
  EXPECT_EQ(store_.Read("acme", uses)->counters[0].used(), 107);
  store_.SetNow(month_end);
  EXPECT_EQ(store_.Read("acme", uses)->counters[0].held, 7);
  EXPECT_EQ(store_.Read("acme", uses)->counters[0].committed, 0);
  CommitCall call{{"acme", "r"}, false, 1, 7, 0, 0, "ledger", 0, {Use("c", month_, 0, 6)}};
  ASSERT_TRUE(store_.Commit(call).ok());
  EXPECT_EQ(store_.Read("acme", uses)->counters[0].held, 0);
  EXPECT_EQ(store_.Read("acme", uses)->counters[0].committed, 6);
}

// The store's clock may be set back, or a failover may lead to a slower one: counters stay where
// they were.
TEST_F(UpkeepTest, AClockThatGoesBackLiftsNoCap) {
  const int64_t month_end = PeriodAt(month_, kStartUs).end_us;
  store_.SetNow(month_end + kSecondUs);
  const std::vector<CounterUse> uses = {Use("c", month_, 0, 50), Use("m", minute_, 0, 60)};
  Charge("a", uses);
  store_.SetNow(month_end - kHourUs);
  EXPECT_EQ(store_.Read("acme", uses)->counters[0].committed, 50);
  EXPECT_EQ(store_.Read("acme", uses)->counters[1].committed, 60);
  Charge("b", uses);
  store_.SetNow(month_end + 2 * kSecondUs);
  EXPECT_EQ(store_.Read("acme", uses)->counters[0].committed, 100);
  EXPECT_EQ(store_.Read("acme", uses)->counters[1].committed, 120);
}

TEST_F(UpkeepTest, DeadCountersAreDeletedAndLivingOnesStay) {
  Charge("a",
         {Use("minute", minute_, 0, 5), Use("month", month_, 0, 5), Use("life", lifetime_, 0, 5)});
  Reserve("held", {Use("holding", minute_, 5, 0)}, 24 * kHourUs);
  store_.SetNow(kStartUs + 2 * kSecondUs);
  Charge("b", {Use("minute", minute_, 0, 5)});  // now it has a ring
  EXPECT_EQ(Keys("{p0}c*"), 4);
  EXPECT_EQ(Keys("{p0}w*"), 1);
  EXPECT_EQ(*store_.Collect(0, 100), 4);
  EXPECT_EQ(Keys("{p0}c*"), 4);
  store_.SetNow(kStartUs + 2 * kHourUs);
  EXPECT_EQ(*store_.Collect(0, 100), 4);
  EXPECT_EQ(Keys("{p0}c*"), 3);
  EXPECT_EQ(Keys("{p0}w*"), 0);
  store_.SetNow(PeriodAt(month_, kStartUs).end_us + 2 * kHourUs);
  EXPECT_EQ(*store_.Collect(0, 100), 3);
  EXPECT_EQ(Keys("{p0}c*"), 2);
  EXPECT_EQ(store_.Read("acme", {Use("life", lifetime_, 0, 0)})->counters[0].committed, 5);
  EXPECT_EQ(store_.Read("acme", {Use("holding", minute_, 0, 0)})->counters[0].held, 5);
  // A counter that comes back starts from nothing, and is listed again.
  Charge("c", {Use("minute", minute_, 0, 3)});
  EXPECT_EQ(store_.Read("acme", {Use("minute", minute_, 0, 0)})->counters[0].committed, 3);
  EXPECT_EQ(*store_.Collect(0, 100), 3);
}

// Two replicas look at the same front of the list: one of them finds it changed, and neither loses
// a counter.
TEST_F(UpkeepTest, CollectorsDoNotDisturbEachOther) {
  for (int i = 0; i < 50; ++i) {
    Charge("a" + std::to_string(i), {Use("life" + std::to_string(i), lifetime_, 0, 1)});
  }
  for (int round = 0; round < 20; ++round) ASSERT_TRUE(store_.Collect(0, 7).ok());
  EXPECT_EQ(Keys("{p0}c*"), 50);
  EXPECT_EQ(server_.Command({"LLEN", "{p0}g"}).integer, 50);
}

TEST_F(UpkeepTest, SumsSaturateBelowTwoToThe53) {
  const std::vector<CounterUse> uses = {Use("big", lifetime_, 0, kMaxCounterValue)};
  Charge("a", uses);
  Charge("b", uses);
  EXPECT_EQ(store_.Read("acme", uses)->counters[0].committed, kMaxCounterValue);
}

// Where no limit refuses, holds saturate too; each gives back what it holds, so that nothing is
// left.
TEST_F(UpkeepTest, HoldsSaturateAndLeaveNothing) {
  const std::vector<CounterUse> all = {Use("big", lifetime_, kMaxCounterValue, kMaxCounterValue)};
  const std::vector<CounterUse> five = {Use("big", lifetime_, 5, 0)};
  Reserve("small", five);
  for (const char* id : {"a", "b", "c"}) Reserve(id, all);
  Charge("used", all);
  const auto held = [&] { return store_.Read("acme", all)->counters[0].held; };
  EXPECT_EQ(held(), kMaxCounterValue);
  EXPECT_EQ(store_.Read("acme", all)->counters[0].used(), kNeverRefuses);
  Reserve("one more", five);
  const absl::StatusOr<ExtendResult> extended =
      store_.Extend({{"acme", "small"}, 2, 7, 1, 0, 0, 0, all});
  ASSERT_TRUE(extended.ok()) << extended.status();
  EXPECT_EQ(extended->outcome, ExtendResult::Outcome::kExtended);
  EXPECT_EQ(held(), kMaxCounterValue);
  for (const char* id : {"a", "b", "c", "small", "one more"}) {
    EXPECT_EQ(store_.Release({"acme", id})->state, ReservationState::kReleased);
  }
  EXPECT_EQ(held(), 0);
}

TEST_F(UpkeepTest, PartitionsAreFixedAtTheFirstStart) {
  std::string warning;
  EXPECT_TRUE(store_.store().CheckDeployment(absl::Seconds(10), &warning).ok());
  EXPECT_EQ(warning, "");
  StoreUnderTest other(server_.unix_url(), 2);
  const absl::Status refused = other.store().CheckDeployment(absl::Seconds(10), &warning);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << refused;
  server_.Command({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  EXPECT_TRUE(store_.store().CheckDeployment(absl::Seconds(10), &warning).ok());
  EXPECT_NE(warning.find("noeviction"), std::string::npos);
}

TEST_F(UpkeepTest, TheSweeperSweepsByItself) {
  const std::vector<CounterUse> uses = {Use("m", minute_, 5, 0)};
  Reserve("r", uses);
  store_.SetNow(kStartUs + 11 * kSecondUs);
  SweeperOptions options;
  options.interval = absl::Milliseconds(20);
  Sweeper sweeper(&store_.store(), options);
  EXPECT_TRUE(fixtures::PollUntil(
      absl::Seconds(10), [&] { return store_.Read("acme", uses)->counters[0].held == 0; }));
}

}  // namespace
}  // namespace quotaplane
