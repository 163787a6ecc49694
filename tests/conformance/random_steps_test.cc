// The counter store against the oracle: 50,000 seeded random steps over each topology.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "absl/strings/escaping.h"
#include "libs/counters/redis/crossing_stream.h"
#include "libs/counters/redis/layout.h"
#include "tests/conformance/expect_equal.h"
#include "tests/conformance/oracle.h"
#include "tests/conformance/store_under_test.h"
#include "tests/conformance/topologies.h"
#include "tests/conformance/windows.h"

namespace quotaplane {
namespace {

constexpr int kSteps = 50'000;
constexpr int kIds = 12;
constexpr int kOrgs = 3;

class RandomWorld {
 public:
  RandomWorld(const std::string& url, uint64_t seed)
      : random_(seed),
        windows_(TestWindows()),
        store_(url),
        oracle_(store_.store().partitions()),
        crossings_(&store_.client(), {store_.store().partitions(), "test"}) {
    // Shortly before a clock change and a month's end in Berlin.
    SetNow(1'774'738'000'000'000);
  }

  void Step(int step) {
    Advance();
    const int kind = Pick(100);
    if (kind < 30) {
      ReserveCall call = RandomReserve();
      const ReserveResult want = oracle_.Reserve(call);
      ++seen_["reserve " + std::to_string(static_cast<int>(want.outcome)) +
              (want.replayed ? " replayed" : "")];
      Expect(want, store_.Reserve(call), step);
    } else if (kind < 50) {
      ExtendCall call = RandomExtend();
      const ExtendResult want = oracle_.Extend(call);
      ++seen_["extend " + std::to_string(static_cast<int>(want.outcome)) +
              (want.replayed ? " replayed" : "")];
      Expect(want, store_.Extend(call), step);
    } else if (kind < 70) {
      CommitCall call = RandomCommit();
      const CommitResult want = oracle_.Commit(call);
      ++seen_["commit " + std::to_string(static_cast<int>(want.outcome)) +
              (want.replayed ? " replayed" : "") + (want.late ? " late" : "")];
      Expect(want, store_.Commit(call), step);
    } else if (kind < 78) {
      const ReservationKey key = RandomKey();
      Expect(oracle_.Release(key), store_.Release(key), step);
    } else if (kind < 84) {
      TellRefusedCall call = RandomRefusal();
      oracle_.TellRefused(call);
      const absl::StatusOr<TellRefusedResult> told = store_.TellRefused(call);
      ASSERT_TRUE(told.ok()) << told.status();
    } else if (kind < 94) {
      const std::string org = Org();
      std::vector<CounterUse> uses = RandomUses(org);
      Expect(oracle_.Read(uses), store_.Read(org, uses), step);
      ExpectWithinASlot(org, step);
    } else {
      const int partition = PartitionOf(Org(), store_.store().partitions());
      const absl::StatusOr<int> swept = store_.Sweep(partition);
      ASSERT_TRUE(swept.ok()) << swept.status();
      EXPECT_EQ(*swept, oracle_.Sweep(partition)) << "step " << step;
      ASSERT_TRUE(store_.Collect(partition, 10).ok());
      ExpectCrossings(step);
    }
  }

  // How often each outcome came up: steps that hardly ever get anywhere prove nothing.
  const std::map<std::string, int>& seen() const { return seen_; }

 private:
  int64_t Pick(int64_t below) {
    return std::uniform_int_distribution<int64_t>(0, below - 1)(random_);
  }
  std::string Org() { return "org" + std::to_string(Pick(kOrgs)); }

  void SetNow(int64_t now_us) {
    now_us_ = now_us;
    store_.SetNow(now_us);
    oracle_.now_us = now_us;
  }

  // Mostly within a slot, sometimes over a few, now and then past whole windows.
  void Advance() {
    const int64_t kind = Pick(1000);
    int64_t by = Pick(400'000);
    if (kind < 100) by = Pick(20'000'000);
    if (kind < 20) by = Pick(3'600'000'000);
    if (kind < 4) by = Pick(int64_t{40} * 86'400'000'000);
    SetNow(now_us_ + by);
  }

  ReservationKey RandomKey() {
    ReservationKey key{Org(), ""};
    // A window of ids that moves on, so that ended ones are used again for a while and then no
    // more.
    key.id = "r" + std::to_string(generation_++ / 6 + Pick(kIds));
    return key;
  }

  std::vector<CounterUse> RandomUses(const std::string& org) {
    std::vector<CounterUse> uses;
    for (size_t i = 0; i < windows_.size(); ++i) {
      if (Pick(3) == 0) continue;
      CounterUse use;
      use.counter = HashOf(org + "/" + std::to_string(i));
      use.window = &windows_[i];
      use.hold = Pick(4) == 0 ? 0 : Pick(20);
      use.charge = Pick(4) == 0 ? 0 : Pick(25);
      use.max_used = Pick(4) == 0 ? kNeverRefuses : 200 - use.hold;
      use.thresholds = RandomThresholds(windows_[i]);
      uses.push_back(use);
    }
    return uses;
  }

  // Those of the amount 200; now and then of another one. Not of a sliding window: whether one that
  // was passed long ago, by steps that did not ask about it, is still remembered as told depends on
  // whether the counter was collected meanwhile.
  std::vector<int64_t> RandomThresholds(const WindowSpec& window) {
    const int64_t kind = window.kind == WindowKind::kSliding ? 7 : Pick(8);
    if (kind == 0) return {};
    if (kind == 1) return {50, 80, 90, 100, 400};
    return {100, 160, 200};
  }

  static std::string Describe(const Digest& counter, int64_t threshold) {
    return absl::BytesToHexString({counter.bytes.data(), 4}) + std::to_string(threshold);
  }

  TellRefusedCall RandomRefusal() {
    TellRefusedCall call;
    call.org = Org();
    call.uses = RandomUses(call.org);
    std::erase_if(call.uses, [](const CounterUse& use) { return use.thresholds.empty(); });
    call.describe = Describe;
    return call;
  }

  void ExpectCrossings(int step) {
    std::map<int, std::vector<Crossing>> got;
    for (;;) {
      const auto read = crossings_.Read(1'000);
      ASSERT_TRUE(read.ok()) << read.status();
      if (read->empty()) break;
      for (const CrossingSource::Message& one : *read) {
        got[one.partition].push_back(one.crossing);
        ++seen_[one.crossing.refused ? "crossing refused" : "crossing"];
        EXPECT_TRUE(occurrences_.insert(one.crossing.Occurrence()).second) << "step " << step;
      }
      ASSERT_TRUE(crossings_.Acknowledge(*read).ok());
    }
    const std::map<int, std::vector<Crossing>> want = oracle_.TakeCrossings();
    ASSERT_EQ(want, got) << "step " << step;
  }

  ReserveCall RandomReserve() {
    ReserveCall call;
    call.key = RandomKey();
    call.subject_fingerprint = 7;
    call.ttl_us = 1'000'000 + Pick(90'000'000);
    call.cost_nano_usd = Pick(1000);
    call.tokens = Pick(1000);
    // A retry is the same call: a third of the calls repeat the last one.
    if (Pick(3) == 0 && !last_reserve_.key.id.empty()) return PerhapsUnderAnotherPolicy();
    call.request_fingerprint = 1 + static_cast<uint64_t>(Pick(1'000'000'000));
    call.uses = RandomUses(call.key.org);
    if (Pick(50) == 0) Refuse(&call);
    last_reserve_ = call;
    return call;
  }

  // By a policy that was changed since, the same request finds other counters, prices or rules.
  ReserveCall PerhapsUnderAnotherPolicy() {
    ReserveCall call = last_reserve_;
    if (Pick(3) != 0) return call;
    call.refuse = false;
    call.uses = RandomUses(call.key.org);
    call.cost_nano_usd = Pick(1000);
    if (Pick(3) == 0) Refuse(&call);
    return call;
  }

  static void Refuse(ReserveCall* call) {
    call->refuse = true;
    call->uses.clear();
  }

  ExtendCall RandomExtend() {
    ExtendCall call;
    call.key = Pick(8) != 0 ? last_reserve_.key : RandomKey();
    call.request_fingerprint = 1 + static_cast<uint64_t>(Pick(2));
    call.subject_fingerprint = Pick(10) == 0 ? 8 : 7;
    call.sequence = 1 + Pick(4);
    call.ttl_us = Pick(2) == 0 ? 0 : Pick(60'000'000);
    call.cost_nano_usd = Pick(2000);
    call.tokens = Pick(2000);
    if (Pick(20) == 0) {
      call.refuse = true;
    } else if (Pick(4) != 0) {
      call.uses = RandomUses(call.key.org);
    }
    return call;
  }

  CommitCall RandomCommit() {
    CommitCall call;
    call.key = Pick(2) == 0 ? last_reserve_.key : RandomKey();
    call.record = Pick(5) == 0;
    call.usage_fingerprint = 1 + static_cast<uint64_t>(Pick(2));
    call.subject_fingerprint = Pick(10) == 0 ? 8 : 7;
    call.cost_nano_usd = Pick(2000);
    call.tokens = Pick(2000);
    call.ledger_record = "x";
    call.uses = RandomUses(call.key.org);
    call.describe = Describe;
    return call;
  }

  // What the sliding counters report lies between the exact log's sum over the window and over one
  // slot more.
  void ExpectWithinASlot(const std::string& org, int step) {
    std::vector<CounterUse> uses;
    for (size_t i = 0; i < windows_.size(); ++i) {
      if (windows_[i].kind != WindowKind::kSliding) continue;
      CounterUse use;
      use.counter = HashOf(org + "/" + std::to_string(i));
      use.window = &windows_[i];
      uses.push_back(use);
    }
    const absl::StatusOr<ReadResult> read = store_.Read(org, uses);
    ASSERT_TRUE(read.ok()) << read.status();
    for (size_t i = 0; i < uses.size(); ++i) {
      const int64_t length = uses[i].window->length_us;
      EXPECT_GE(read->counters[i].committed, oracle_.ExactSum(uses[i].counter, length))
          << "step " << step;
      EXPECT_LE(read->counters[i].committed,
                oracle_.ExactSum(uses[i].counter, length + SlotWidthUs(*uses[i].window)))
          << "step " << step;
    }
  }

  std::mt19937_64 random_;
  const std::vector<WindowSpec> windows_;
  StoreUnderTest store_;
  Oracle oracle_;
  CrossingStream crossings_;
  std::set<std::string> occurrences_;
  std::map<std::string, int> seen_;
  int64_t now_us_ = 0;
  int64_t generation_ = 0;
  ReserveCall last_reserve_;
};

class RandomSteps : public testing::TestWithParam<const char*> {};

TEST_P(RandomSteps, AgreeWithTheOracle) {
  const char* given = std::getenv("QUOTAPLANE_TEST_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20261;
  std::printf("seed %llu (QUOTAPLANE_TEST_SEED sets another)\n",
              static_cast<unsigned long long>(seed));
  Topology topology(GetParam());
  RandomWorld world(topology.url(), seed);
  for (int step = 0; step < kSteps && !HasFailure(); ++step) world.Step(step);
  // Every outcome of Reserve (4, and replays), Extend (6, and replays) and Commit (5, replays, late
  // ones), and crossings by charges and by refusals.
  EXPECT_GE(world.seen().size(), 20u);
  for (const auto& [outcome, count] : world.seen()) {
    std::printf("%6d %s\n", count, outcome.c_str());
    EXPECT_GE(count, 20) << outcome;
  }
}

INSTANTIATE_TEST_SUITE_P(Over, RandomSteps, testing::Values("Standalone", "Tls", "Cluster"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace quotaplane
