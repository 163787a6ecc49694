// Corrections reach live counters once, whatever is killed in between, and the books balance all
// the time.
#include "libs/ledger/pending_moves.h"

#include <atomic>
#include <thread>

#include "absl/time/clock.h"
#include "tests/ledger/books_fixture.h"

namespace quotaplane {
namespace {

class PendingMovesTest : public BooksFixture {
 protected:
  // r1 … rN, in the ledger.
  void ChargeAll(int count) {
    const auto worker = Worker();
    for (int i = 1; i <= count; ++i) Charge(ChargeOf(i));
    EXPECT_TRUE(Reaches(count));
  }
  int64_t Pending() { return *moves_.Count(); }
  // As if the process had been killed before it marked what it had applied.
  void ForgetMarks() { Must("UPDATE ledger_moves SET applied_at_us = NULL"); }
};
QP_OVER_BOTH_DATABASES(PendingMovesTest);

TEST_P(PendingMovesTest, ACorrectionMovesEveryCounterThatTheChargeHad) {
  ChargeAll(1);
  EXPECT_EQ(CounterOf("team-month", "{org=acme, team=search}"), 338);
  ASSERT_TRUE(TakeBack("a1", "r1", 303).ok());
  EXPECT_EQ(Pending(), 1);
  EXPECT_EQ(*moves_.Orgs("", 10), std::vector<std::string>{"acme"});
  EXPECT_TRUE(moves_.Orgs("acme", 10)->empty());
  EXPECT_EQ(Apply(), 1);
  EXPECT_EQ(Pending(), 0);
  ExpectBalance();
  EXPECT_EQ(CounterOf("team-month", "{org=acme, team=search}"), 35);
  EXPECT_EQ(CounterOf("user-day", "{org=acme, user=u1}"), 35);
  EXPECT_EQ(CounterOf("ever", "{org=acme}"), 115);
  EXPECT_EQ(CounterOf("big-requests", "{org=acme, model=big}"), 1);  // it was a request
  EXPECT_EQ(Apply(), 0);
}

TEST_P(PendingMovesTest, KilledBeforeTheMarkItMovesOnce) {
  ChargeAll(3);
  ASSERT_TRUE(TakeBack("a1", "r1", 10).ok());
  ASSERT_TRUE(TakeBack("a2", "r2", 20).ok());
  EXPECT_EQ(Apply(), 2);
  const std::string marks = "SELECT SUM(applied_at_us) FROM ledger_moves";
  const int64_t marked = Count(marks);
  ForgetMarks();
  store_.SetNow(kMonthEndUs + 100'000);  // the same day
  EXPECT_EQ(Apply(), 2);
  EXPECT_EQ(Count(marks), marked);  // when they were applied, not when they were asked for
  ExpectBalance();
  EXPECT_EQ(CounterOf("ever", "{org=acme}"), 116 + 117 + 118 - 2);
  // Nor is it a difference for a comparison that finds it so.
  ForgetMarks();
  ExpectBalance();
  EXPECT_EQ(Pending(), 0);
}

TEST_P(PendingMovesTest, WhatIsPendingIsNoDifference) {
  store_.SetNow(0);  // by the server's own clock: the look and the move have each their time
  ChargeAll(3);
  ASSERT_TRUE(TakeBack("a1", "r1", 10, absl::ToUnixMicros(absl::Now())).ok());
  ExpectBalance();  // whose end applied it
  EXPECT_EQ(Pending(), 0);
  ExpectBalance();
  EXPECT_EQ(CounterOf("ever", "{org=acme}"), 116 + 117 + 118 - 1);
}

TEST_P(PendingMovesTest, WaitsForTheStore) {
  ChargeAll(1);
  ASSERT_TRUE(TakeBack("a1", "r1", 10).ok());
  redis_.Pause();
  EXPECT_FALSE(moves_.Apply("acme", *policy_).ok());
  EXPECT_EQ(Pending(), 1);
  redis_.Resume();
  EXPECT_TRUE(fixtures::PollUntil(
      absl::Seconds(30), [&] { return moves_.Apply("acme", *policy_).ok() && Pending() == 0; }));
  ExpectBalance();
  EXPECT_EQ(CounterOf("ever", "{org=acme}"), 115);
}

TEST_P(PendingMovesTest, APeriodThatHasEndedIsLeftAlone) {
  ChargeAll(1);
  const int64_t april_us = kMonthEndUs + 24 * int64_t{3'600'000'000};
  store_.SetNow(april_us);
  {
    const auto worker = Worker();
    Charge(ChargeOf(8));  // by the same user
    EXPECT_TRUE(Reaches(2));
  }
  const int64_t april = ChargeOf(8).cost_nano_usd;
  ASSERT_TRUE(TakeBack("a1", "r1", 303, april_us).ok());
  EXPECT_EQ(Apply(), 1);
  ExpectBalance();
  EXPECT_EQ(CounterOf("team-month", "{org=acme, team=search}"), april);
  EXPECT_EQ(CounterOf("user-day", "{org=acme, user=u1}"), april);
  // A lifetime has no end.
  EXPECT_EQ(CounterOf("ever", "{org=acme}"), 116 - 1 + 123);
}

TEST_P(PendingMovesTest, ARepairBeforeAMoveDoesNotCountItTwice) {
  ChargeAll(5);
  redis_.Command({"FLUSHALL"});
  const auto lost = books_.Compare("acme", *policy_, absl::Seconds(20));
  ASSERT_TRUE(lost.ok()) << lost.status();
  EXPECT_GT(Drifting(*lost), 0);
  ASSERT_TRUE(TakeBack("a1", "r1", 303).ok());  // between the look and the repair
  ASSERT_TRUE(books_.Repair("acme", *lost).ok());
  EXPECT_EQ(Apply(), 1);
  ExpectBalance();
  EXPECT_EQ(CounterOf("ever", "{org=acme}"), 116 + 117 + 118 + 119 + 120 - 1);
}

TEST_P(PendingMovesTest, BalanceWhileChargesAndCorrectionsGoOn) {
  const auto worker = Worker();
  store_.SetNow(0);  // by the server's own clock, which no two steps share
  std::atomic<bool> stop = false;
  std::atomic<int> written = 0;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (int i = 0; !stop; ++i) {
      // No further ahead than that, so that there is as much to correct as long as it takes.
      fixtures::PollUntil(absl::Seconds(60), [&] { return stop || i < written + 300; });
      ChargeRecord record = ChargeOf(i % 50);
      record.id = "live-" + std::to_string(i);
      Charge(record);
    }
  });
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = thread; !stop; i += 2) {
        const std::string id = std::to_string(i);
        const int64_t now_us = absl::ToUnixMicros(absl::Now());
        fixtures::PollUntil(absl::Seconds(20), [&] {
          return stop || TakeBack("a" + id, "live-" + id, 1 + i % 90, now_us).ok();
        });
        ++written;
        if (i % 3 == 0) {
          EXPECT_TRUE(moves_.Apply("acme", *policy_).ok());
        }
      }
    });
  }
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(30), [&] { return written > 20; }));
  for (int round = 0; round < 5; ++round) {
    const int before = written;
    ExpectBalance();
    EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(30), [&] { return written > before + 10; }));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  ExpectBalance();
  EXPECT_EQ(Pending(), 0);
  EXPECT_GT(Count("SELECT COUNT(*) FROM ledger_moves"), 50);
}

}  // namespace
}  // namespace quotaplane
