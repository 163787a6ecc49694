// Crossings: that a counter came to a threshold is told once, whoever finds it and however often,
// and once more after a reset. A hand-moved clock.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>

#include "libs/counters/redis/crossing_stream.h"
#include "libs/testing/redis_server.h"
#include "tests/conformance/store_under_test.h"
#include "tests/conformance/topologies.h"
#include "tests/conformance/windows.h"

namespace quotaplane {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kHourUs = 3'600 * kSecondUs;
constexpr int64_t kStartUs = 1'774'738'000'000'000;
constexpr int kPartitions = 8;

std::string Describe(const Digest& counter, int64_t threshold) {
  return std::string(counter.view()) + "/" + std::to_string(threshold);
}

class CrossingsTest : public testing::TestWithParam<const char*> {
 protected:
  using Values = std::vector<int64_t>;
  // What was told, as "threshold at committed"; with "!" where a refusal told it.
  using Told = std::vector<std::string>;

  CrossingsTest()
      : topology_(GetParam()),
        store_(topology_.url(), kPartitions),
        source_(&store_.client(), {kPartitions, "test"}) {
    store_.SetNow(kStartUs);
  }

  static CounterUse Use(const std::string& name, const WindowSpec& window, int64_t charge,
                        Values thresholds = {50, 80, 100}) {
    CounterUse use;
    use.counter = HashOf(name);
    use.window = &window;
    use.charge = charge;
    use.thresholds = std::move(thresholds);
    return use;
  }

  static CommitCall ChargeOf(const std::string& id, std::vector<CounterUse> uses) {
    CommitCall call;
    call.key = {"acme", id};
    call.record = true;
    call.usage_fingerprint = 1;
    call.ledger_record = "ledger";
    call.uses = std::move(uses);
    call.describe = Describe;
    return call;
  }

  void Charge(const std::vector<CounterUse>& uses) {
    const absl::StatusOr<CommitResult> result =
        store_.Commit(ChargeOf("charge" + std::to_string(++charges_), uses));
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->outcome, CommitResult::Outcome::kCharged);
  }

  void Adjust(CounterUse use) {
    AdjustCall call;
    call.key = {"acme", "adjust" + std::to_string(++charges_)};
    use.thresholds.clear();
    call.uses = {use};
    ASSERT_TRUE(store_.Adjust(call).ok());
  }

  // As Admission does after a Reserve of `hold` was refused.
  void Refuse(CounterUse use, int64_t hold) {
    use.hold = hold;
    const absl::StatusOr<TellRefusedResult> told = store_.TellRefused({"acme", {use}, Describe});
    ASSERT_TRUE(told.ok()) << told.status();
  }

  std::vector<Crossing> Take() {
    std::vector<Crossing> all;
    for (;;) {
      const auto read = source_.Read(1'000);
      EXPECT_TRUE(read.ok()) << read.status();
      if (!read.ok() || read->empty()) return all;
      for (const CrossingSource::Message& one : *read) all.push_back(one.crossing);
      EXPECT_TRUE(source_.Acknowledge(*read).ok());
    }
  }

  Told TakeTold() {
    Told told;
    for (const Crossing& one : Take()) {
      told.push_back(std::to_string(one.threshold) + " at " + std::to_string(one.committed) +
                     (one.refused ? "!" : ""));
    }
    return told;
  }

  const WindowSpec minute_ = MakeWindow("60s");
  const WindowSpec month_ = MakeWindow("month", "Europe/Berlin");
  const WindowSpec lifetime_ = MakeWindow("lifetime");
  const Topology topology_;
  StoreUnderTest store_;
  CrossingStream source_;
  int charges_ = 0;
};

TEST_P(CrossingsTest, AreToldOnceAndOnceMoreAfterAReset) {
  for (int i = 0; i < 12; ++i) Charge({Use("c", month_, 10)});
  EXPECT_EQ(TakeTold(), (Told{"50 at 50", "80 at 80", "100 at 100"}));
  const int64_t month_end = PeriodAt(month_, kStartUs).end_us;
  store_.SetNow(month_end - 1);
  Charge({Use("c", month_, 10)});
  EXPECT_EQ(TakeTold(), Told{});
  store_.SetNow(month_end);
  Charge({Use("c", month_, 49)});
  EXPECT_EQ(TakeTold(), Told{});
  Charge({Use("c", month_, 1)});
  EXPECT_EQ(TakeTold(), Told{"50 at 50"});
  Charge({Use("c", month_, 1'000)});
  EXPECT_EQ(TakeTold(), (Told{"80 at 1050", "100 at 1050"}));
}

TEST_P(CrossingsTest, SayWhatWhenAndOfWhat) {
  store_.SetNow(kStartUs + 5);
  Charge({Use("other", lifetime_, 1), Use("c", month_, 60), Use("s", minute_, 50)});
  Refuse(Use("other", lifetime_, 0, {1}), 1);
  const std::vector<Crossing> told = Take();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0], (Crossing{HashOf("c"), 50, 60, PeriodAt(month_, kStartUs).start_us,
                               kStartUs + 5, false, Describe(HashOf("c"), 50)}));
  EXPECT_EQ(told[1], (Crossing{HashOf("s"), 50, 50, kStartUs + 5, kStartUs + 5, false,
                               Describe(HashOf("s"), 50)}));
  EXPECT_NE(told[0].Occurrence(), told[1].Occurrence());
  EXPECT_LE(told[0].Occurrence().size(), 74u);
}

TEST_P(CrossingsTest, RetriesTellNothing) {
  const CommitCall call = ChargeOf("r", {Use("c", month_, 60)});
  CommitCall other = call;
  other.usage_fingerprint = 2;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(store_.Commit(call).ok());
    EXPECT_EQ(store_.Commit(other)->outcome, CommitResult::Outcome::kMismatch);
  }
  EXPECT_EQ(TakeTold(), Told{"50 at 60"});
  EXPECT_EQ(store_.Read("acme", {Use("c", month_, 0)})->counters[0].committed, 60);
}

TEST_P(CrossingsTest, OfALifetimeAreToldOnce) {
  Charge({Use("c", lifetime_, 60)});
  Adjust(Use("c", lifetime_, -30));
  store_.SetNow(kStartUs + 24 * 400 * kHourUs);
  Charge({Use("c", lifetime_, 30)});
  EXPECT_EQ(TakeTold(), Told{"50 at 60"});
}

// A sliding window that hovers: it is told each time that it comes back from below, not each time
// that it is charged.
TEST_P(CrossingsTest, OfASlidingWindowAreToldWheneverItComesBackFromBelow) {
  Charge({Use("s", minute_, 45, {50})});
  store_.SetNow(kStartUs + 30 * kSecondUs);
  for (int i = 0; i < 20; ++i) Charge({Use("s", minute_, 1, {50})});
  EXPECT_EQ(TakeTold(), Told{"50 at 50"});
  // The 45 leave; 20 stay.
  store_.SetNow(kStartUs + 62 * kSecondUs);
  Charge({Use("s", minute_, 29, {50})});
  EXPECT_EQ(TakeTold(), Told{});
  Charge({Use("s", minute_, 1, {50})});
  Charge({Use("s", minute_, 1, {50})});
  EXPECT_EQ(TakeTold(), Told{"50 at 50"});
  // It never falls below, though all of it is charged anew.
  for (int i = 1; i <= 6; ++i) {
    store_.SetNow(kStartUs + (62 + 20 * i) * kSecondUs);
    Charge({Use("s", minute_, 25, {50})});
  }
  EXPECT_EQ(TakeTold(), Told{});
  store_.SetNow(kStartUs + 400 * kSecondUs);
  Charge({Use("s", minute_, 50, {50})});
  EXPECT_EQ(TakeTold(), Told{"50 at 50"});
}

TEST_P(CrossingsTest, AnotherAmountMakesOtherThresholds) {
  Charge({Use("c", month_, 60)});
  EXPECT_EQ(TakeTold(), Told{"50 at 60"});
  // Raised: nothing is reached. Lowered below what is used: told by the next commit, whoever makes
  // it.
  Charge({Use("c", month_, 1, {500, 800, 1'000})});
  EXPECT_EQ(TakeTold(), Told{});
  StoreUnderTest other(topology_.url(), kPartitions);
  other.SetNow(kStartUs);
  ASSERT_TRUE(other.Commit(ChargeOf("lowered", {Use("c", month_, 1, {30, 48, 60})})).ok());
  EXPECT_EQ(TakeTold(), (Told{"30 at 62", "48 at 62", "60 at 62"}));
  // Back to what was told already.
  Charge({Use("c", month_, 1, {30, 48, 60})});
  Charge({Use("c", month_, 1)});
  EXPECT_EQ(TakeTold(), Told{});
}

TEST_P(CrossingsTest, WhatACorrectionTakesBackIsNotUntold) {
  Charge({Use("c", month_, 60)});
  EXPECT_EQ(TakeTold(), Told{"50 at 60"});
  Adjust(Use("c", month_, -60));
  // Not even where the counter is collected meanwhile.
  for (int partition = 0; partition < kPartitions; ++partition) {
    ASSERT_TRUE(store_.Collect(partition, 10).ok());
  }
  Charge({Use("c", month_, 60)});
  StoreUnderTest other(topology_.url(), kPartitions);
  other.SetNow(kStartUs);
  ASSERT_TRUE(other.Commit(ChargeOf("other", {Use("c", month_, 5)})).ok());
  EXPECT_EQ(TakeTold(), Told{});
  store_.SetNow(PeriodAt(month_, kStartUs).end_us);
  Charge({Use("c", month_, 60)});
  EXPECT_EQ(TakeTold(), Told{"50 at 60"});
}

// A step without thresholds stands for an adjustment, and for a replica of an older version.
TEST_P(CrossingsTest, WhatWasPassedUnseenIsToldByTheNextCommit) {
  for (const WindowSpec* window : {&month_, &lifetime_, &minute_}) {
    const std::string name = window->ToString();
    Adjust(Use(name, *window, 55));
    Charge({Use(name, *window, 30, {})});
    EXPECT_EQ(TakeTold(), Told{});
    Charge({Use(name, *window, 0)});
    EXPECT_EQ(TakeTold(), (Told{"50 at 85", "80 at 85"})) << name;
    Charge({Use(name, *window, 1)});
    EXPECT_EQ(TakeTold(), Told{}) << name;
  }
}

TEST_P(CrossingsTest, HoldsDoNotCount) {
  CounterUse use = Use("c", month_, 0);
  use.hold = 90;
  use.max_used = 10;
  ASSERT_EQ(store_.Reserve({{"acme", "r"}, 1, 7, kHourUs, 0, 0, {use}})->outcome,
            ReserveResult::Outcome::kHeld);
  Charge({Use("c", month_, 40)});
  EXPECT_EQ(store_.Release({"acme", "r"})->state, ReservationState::kReleased);
  EXPECT_EQ(TakeTold(), Told{});
}

TEST_P(CrossingsTest, ARefusalTellsTheAmountThatIsAsGoodAsSpent) {
  const CounterUse whole = Use("c", month_, 0, {100});
  Charge({Use("c", month_, 89)});
  EXPECT_EQ(TakeTold(), (Told{"50 at 89", "80 at 89"}));
  Refuse(whole, 50);  // much is left for smaller ones
  Charge({Use("c", month_, 6)});
  Refuse(whole, 5);    // would have fitted: other holds were in the way
  Refuse(whole, 101);  // never fits
  EXPECT_EQ(TakeTold(), Told{});
  for (int i = 0; i < 3; ++i) Refuse(whole, 6);
  StoreUnderTest other(topology_.url(), kPartitions);
  other.SetNow(kStartUs);
  CounterUse again = whole;
  again.hold = 7;
  ASSERT_TRUE(other.TellRefused({"acme", {again}, Describe}).ok());
  EXPECT_EQ(TakeTold(), Told{"100 at 95!"});
  // An overrun takes it there all the same: one telling for both.
  Charge({Use("c", month_, 20)});
  EXPECT_EQ(TakeTold(), Told{});
  store_.SetNow(PeriodAt(month_, kStartUs).end_us);
  Refuse(whole, 6);
  EXPECT_EQ(TakeTold(), Told{});
  Charge({Use("c", month_, 95)});
  Refuse(whole, 6);
  EXPECT_EQ(TakeTold(), (Told{"50 at 95", "80 at 95", "100 at 95!"}));
}

TEST_P(CrossingsTest, ARefusalOfASlidingWindowTellsOnceInItsLength) {
  const CounterUse whole = Use("s", minute_, 0, {100});
  Charge({Use("s", minute_, 95)});
  Refuse(whole, 6);
  Refuse(whole, 6);
  EXPECT_EQ(TakeTold(), (Told{"50 at 95", "80 at 95", "100 at 95!"}));
  store_.SetNow(kStartUs + 59 * kSecondUs);
  Charge({Use("s", minute_, 4)});
  Refuse(whole, 6);
  Charge({Use("s", minute_, 1)});
  EXPECT_EQ(TakeTold(), Told{}) << "told by the refusal already";
  store_.SetNow(kStartUs + 100 * kSecondUs);
  Charge({Use("s", minute_, 90)});
  EXPECT_EQ(TakeTold(), (Told{"50 at 95", "80 at 95"}));
  Refuse(whole, 6);
  EXPECT_EQ(TakeTold(), Told{}) << "told 41 s ago";
  store_.SetNow(kStartUs + 119 * kSecondUs);
  Refuse(whole, 6);
  EXPECT_EQ(TakeTold(), Told{"100 at 95!"});
}

TEST_P(CrossingsTest, AClockThatGoesBackTellsNothingAnew) {
  const int64_t month_end = PeriodAt(month_, kStartUs).end_us;
  store_.SetNow(month_end);
  Charge({Use("c", month_, 60)});
  EXPECT_EQ(TakeTold(), Told{"50 at 60"});
  StoreUnderTest behind(topology_.url(), kPartitions);
  behind.SetNow(month_end - kHourUs);
  ASSERT_TRUE(behind.Commit(ChargeOf("behind", {Use("c", month_, 1)})).ok());
  store_.SetNow(month_end + kSecondUs);
  Charge({Use("c", month_, 1)});
  EXPECT_EQ(TakeTold(), Told{});
}

// As many as one call may have, on as many counters.
TEST_P(CrossingsTest, OneCommitMayCrossEverythingAtOnce) {
  std::vector<CounterUse> uses;
  for (int i = 0; i < kMaxCountersPerCall; ++i) {
    const WindowSpec& window = i % 2 == 0 ? month_ : minute_;
    uses.push_back(Use("c" + std::to_string(i), window, 100, {}));
    for (int64_t value = 1; value <= 10; ++value) uses.back().thresholds.push_back(10 * value);
  }
  Charge(uses);
  std::set<std::string> occurrences;
  for (const Crossing& one : Take()) {
    EXPECT_TRUE(occurrences.insert(one.Occurrence()).second);
    EXPECT_EQ(one.description, Describe(one.counter, one.threshold));
  }
  EXPECT_EQ(occurrences.size(), 10u * kMaxCountersPerCall);
}

// Charges with a retry now and then, over four connections to the store, each of which asks
// nobody what the others know.
TEST_P(CrossingsTest, FourReplicasAnd64ClientsTellEachOnce) {
  constexpr int kReplicas = 4, kClients = 64, kCharges = 60, kCounters = 12;
  constexpr int64_t kAmount = kClients * kCharges / 2;
  std::vector<std::unique_ptr<StoreUnderTest>> replicas;
  for (int i = 0; i < kReplicas; ++i) {
    replicas.push_back(std::make_unique<StoreUnderTest>(topology_.url(), kPartitions));
    replicas.back()->SetNow(kStartUs);
  }
  const Values thresholds = {kAmount / 2, kAmount * 8 / 10, kAmount};
  std::vector<std::thread> clients;
  clients.reserve(kClients);
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      std::mt19937_64 random(client);
      for (int i = 0; i < kCharges; ++i) {
        std::vector<CounterUse> uses;
        for (int counter = 0; counter < kCounters; ++counter) {
          if (counter % 2 != client % 2 && counter < kCounters / 2) continue;
          const WindowSpec* windows[] = {&month_, &lifetime_, &minute_};
          uses.push_back(Use("c" + std::to_string(counter), *windows[counter % 3], 1, thresholds));
        }
        const CommitCall call =
            ChargeOf(std::to_string(client) + "/" + std::to_string(i), std::move(uses));
        do {
          const absl::StatusOr<CommitResult> done = replicas[random() % kReplicas]->Commit(call);
          ASSERT_TRUE(done.ok()) << done.status();
        } while (random() % 4 == 0);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  std::map<std::pair<std::string, int64_t>, int> told;
  for (const Crossing& one : Take()) {
    ++told[{std::string(one.counter.view()), one.threshold}];
    EXPECT_EQ(one.committed, one.threshold) << "charges of 1: the very one that came to it";
  }
  // Those that half of the clients charge come to the amount exactly.
  EXPECT_EQ(told.size(), 3u * kCounters);
  for (const auto& [what, times] : told) EXPECT_EQ(times, 1);
}

INSTANTIATE_TEST_SUITE_P(Over, CrossingsTest, testing::Values("Standalone", "Cluster"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace quotaplane
