// Adjustments: what counters say was charged is moved once, and never to where it cannot be.
#include <gtest/gtest.h>

#include "libs/testing/redis_server.h"
#include "tests/conformance/store_under_test.h"
#include "tests/conformance/windows.h"

namespace quotaplane {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kStartUs = 1'774'738'000'000'000;

class AdjustTest : public testing::Test {
 protected:
  AdjustTest() : store_(server_.unix_url(), 1) { store_.SetNow(kStartUs); }

  static CounterUse Use(const std::string& name, const WindowSpec& window, int64_t charge) {
    CounterUse use;
    use.counter = HashOf(name);
    use.window = &window;
    use.charge = charge;
    return use;
  }

  void Charge(const std::string& id, const CounterUse& use) {
    CommitCall call;
    call.key = {"acme", id};
    call.record = true;
    call.ledger_record = "ledger";
    call.uses = {use};
    const absl::StatusOr<CommitResult> result = store_.Commit(call);
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->outcome, CommitResult::Outcome::kCharged);
  }

  AdjustResult Adjust(const std::string& id, const CounterUse& use, uint64_t fingerprint = 1) {
    AdjustCall call;
    call.key = {"acme", id};
    call.fingerprint = fingerprint;
    call.uses = {use};
    const absl::StatusOr<AdjustResult> result = store_.Adjust(call);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : AdjustResult{};
  }

  int64_t Committed(const CounterUse& use) {
    return store_.Read("acme", {use})->counters[0].committed;
  }

  const WindowSpec minute_ = MakeWindow("60s");
  const WindowSpec month_ = MakeWindow("month", "Europe/Berlin");
  fixtures::RedisServer server_;
  StoreUnderTest store_;
};

TEST_F(AdjustTest, MovesOnceUnderItsId) {
  Charge("r", Use("c", month_, 100));
  EXPECT_FALSE(Adjust("a", Use("c", month_, -30)).replayed);
  EXPECT_TRUE(Adjust("a", Use("c", month_, -30)).replayed);
  EXPECT_EQ(Adjust("a", Use("c", month_, -40), 2).outcome, AdjustResult::Outcome::kMismatch);
  EXPECT_EQ(Committed(Use("c", month_, 0)), 70);
  Adjust("b", Use("c", month_, 5));
  EXPECT_EQ(Committed(Use("c", month_, 0)), 75);
}

TEST_F(AdjustTest, SharesNoIdsWithReservations) {
  Adjust("r", Use("c", month_, 10));
  Charge("r", Use("c", month_, 100));
  EXPECT_EQ(Committed(Use("c", month_, 0)), 110);
}

TEST_F(AdjustTest, StaysWithinWhatACounterCanSay) {
  Charge("r", Use("c", month_, 100));
  Adjust("a", Use("c", month_, -1'000));
  EXPECT_EQ(Committed(Use("c", month_, 0)), 0);
  Adjust("b", Use("c", month_, kMaxCounterValue));
  Adjust("c", Use("c", month_, kMaxCounterValue));
  EXPECT_EQ(Committed(Use("c", month_, 0)), kMaxCounterValue);
}

TEST_F(AdjustTest, MakesACounterThatWasLost) {
  Adjust("a", Use("new", month_, 42));
  EXPECT_EQ(Committed(Use("new", month_, 0)), 42);
  // It is collected like any other: its period ends, and it is deleted.
  store_.SetNow(PeriodAt(month_, kStartUs).end_us + 10 * 86'400 * kSecondUs);
  EXPECT_EQ(Committed(Use("new", month_, 0)), 0);
  EXPECT_EQ(*store_.Collect(0, 10), 1);
}

TEST_F(AdjustTest, ASlidingWindowLetsGoOfItAsOfNow) {
  Charge("r", Use("m", minute_, 100));
  store_.SetNow(kStartUs + 30 * kSecondUs);
  Charge("s", Use("m", minute_, 10));
  // The slot of 30 s ago is not touched.
  Adjust("a", Use("m", minute_, -50));
  EXPECT_EQ(Committed(Use("m", minute_, 0)), 100);
  Adjust("b", Use("m", minute_, 7));
  EXPECT_EQ(Committed(Use("m", minute_, 0)), 107);
  store_.SetNow(kStartUs + 62 * kSecondUs);
  EXPECT_EQ(Committed(Use("m", minute_, 0)), 7);
  store_.SetNow(kStartUs + 92 * kSecondUs);
  EXPECT_EQ(Committed(Use("m", minute_, 0)), 0);
}

TEST_F(AdjustTest, AReplaySaysWhenItMoved) {
  const int64_t first = Adjust("a", Use("c", month_, 10)).now_us;
  EXPECT_EQ(first, kStartUs);
  store_.SetNow(kStartUs + 5 * kSecondUs);
  const AdjustResult again = Adjust("a", Use("c", month_, 10));
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.now_us, first);
}

TEST_F(AdjustTest, LeavesAPeriodAloneThatHasNotWhatIsCorrected) {
  const WindowSpec day = MakeWindow("day");
  const WindowSpec ever = MakeWindow("lifetime");
  const int64_t day_start_us = PeriodAt(day, kStartUs).start_us;
  for (const WindowSpec* window : {&day, &ever, &minute_})
    Charge(window->ToString(), Use(window->ToString(), *window, 100));
  const auto correct = [&](const std::string& id, const WindowSpec& window, int64_t happened_us) {
    CounterUse use = Use(window.ToString(), window, -10);
    use.happened_at_us = happened_us;
    Adjust(id, use);
    return Committed(use);
  };
  EXPECT_EQ(correct("a", day, day_start_us - 1), 100);
  EXPECT_EQ(correct("b", day, day_start_us), 90);
  EXPECT_EQ(correct("c", day, kStartUs), 80);
  EXPECT_EQ(correct("d", ever, 1), 90);
  EXPECT_EQ(correct("e", minute_, kStartUs - 62 * kSecondUs), 100);
  EXPECT_EQ(correct("f", minute_, kStartUs - 30 * kSecondUs), 90);
}

TEST_F(AdjustTest, MovesAThousandCountersAtOnce) {
  AdjustCall call;
  call.key = {"acme", "many"};
  for (int i = 0; i < kMaxCountersPerAdjust; ++i) {
    call.uses.push_back(Use("c" + std::to_string(i), i % 2 == 0 ? month_ : minute_, i + 1));
  }
  const absl::StatusOr<AdjustResult> result = store_.Adjust(call);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Committed(Use("c999", minute_, 0)), 1'000);
  EXPECT_EQ(Committed(Use("c998", month_, 0)), 999);
}

}  // namespace
}  // namespace quotaplane
