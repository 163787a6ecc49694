// From the outbox into the ledger, through everything that breaks in between.
#include <algorithm>
#include <atomic>
#include <functional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/absl_view.h"
#include "libs/counters/redis/layout.h"
#include "tests/ledger/ledger_fixture.h"

namespace quotaplane {
namespace {

class LedgerWorkerTest : public OutboxTest {};
QP_OVER_BOTH_DATABASES(LedgerWorkerTest);

TEST_P(LedgerWorkerTest, EveryChargeArrivesOnce) {
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  for (int i = 0; i < 300; ++i) Commit(ChargeOf(i));
  EXPECT_TRUE(Reaches(300));
  EXPECT_EQ(Count("SELECT SUM(held_nano_usd) FROM ledger_entries"), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries WHERE unreserved = 1"), 900);
  EXPECT_EQ(worker.stats().duplicates, 0);
  ExpectRollupsAgree();
}

// P8: when something was charged is the store's word. A worker's clock only says when it wrote.
TEST_P(LedgerWorkerTest, AWorkersClockThatIsOffMovesNothing) {
  constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;
  Reader reader = MakeReader("one");
  int64_t charges = 0;
  for (const int64_t off_us : {-kDayUs, 3 * 365 * kDayUs}) {
    LedgerWorkerOptions options = WorkerOptions();
    options.now_us = [=] { return kMonthEndUs + off_us; };
    const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, std::move(options));
    for (int i = 0; i < 10; ++i) Commit(ChargeOf(static_cast<int>(charges++)));
    EXPECT_TRUE(Reaches(charges));
    EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries WHERE recorded_at_us = " +
                    std::to_string(kMonthEndUs + off_us)),
              30);
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries WHERE occurred_at_us <> " +
                  std::to_string(kMonthEndUs)),
            0);
  EXPECT_EQ(Count("SELECT COUNT(DISTINCT bucket_us) FROM rollup_day"), 1);
  EXPECT_EQ(Count("SELECT MIN(bucket_us) FROM rollup_day"), kMonthEndUs / kDayUs * kDayUs);
  ExpectRollupsAgree();
}

// Acknowledges nothing the first few times, as a worker that dies before it comes to that.
class DyingOutbox : public Outbox {
 public:
  DyingOutbox(Outbox* outbox, int deaths) : outbox_(outbox), deaths_(deaths) {}
  absl::StatusOr<Batch> Read(int most) override { return outbox_->Read(most); }
  absl::Status Acknowledge(std::span<const Message> messages) override {
    if (deaths_-- > 0) return absl::UnavailableError("killed");
    return outbox_->Acknowledge(messages);
  }
  absl::Status Quarantine(const Message& message, std::string_view why) override {
    return outbox_->Quarantine(message, why);
  }
  void Reopen() override { outbox_->Reopen(); }

 private:
  Outbox* const outbox_;
  std::atomic<int> deaths_;
};

TEST_P(LedgerWorkerTest, KilledBetweenTheDatabaseAndTheAcknowledgement) {
  for (int i = 0; i < 100; ++i) Commit(ChargeOf(i));
  Reader reader = MakeReader("one");
  DyingOutbox dying(reader.outbox.get(), 3);
  const LedgerWorker worker(&dying, &writer_, &codec_, WorkerOptions());
  EXPECT_TRUE(Reaches(100));
  EXPECT_EQ(worker.stats().duplicates, 3 * 32);  // as many as the first read brings
  EXPECT_EQ(worker.stats().failures, 3);
  ExpectRollupsAgree();
}

TEST_P(LedgerWorkerTest, ADeadWorkersMessagesAreTakenOver) {
  for (int i = 0; i < 100; ++i) Commit(ChargeOf(i));
  Reader dead = MakeReader("dead");
  ASSERT_EQ(dead.outbox->Read(1'000)->messages.size(),
            32u);  // it asks for more where there was much
  dead = {};
  Reader reader = MakeReader("other", absl::Milliseconds(50));
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  EXPECT_TRUE(Reaches(100));
  EXPECT_EQ(worker.stats().charges, 100);
}

TEST_P(LedgerWorkerTest, ANamesakeTakesOverAtOnce) {
  for (int i = 0; i < 20; ++i) Commit(ChargeOf(i));
  Reader dead = MakeReader("one");
  ASSERT_EQ(dead.outbox->Read(1'000)->messages.size(), 20u);
  dead = {};
  Reader reader = MakeReader("one", absl::Hours(1));
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  EXPECT_TRUE(Reaches(20));
}

TEST_P(LedgerWorkerTest, TwoWorkersFightOverOnePartition) {
  std::vector<Reader> readers;
  readers.push_back(MakeReader("one", absl::Milliseconds(1)));
  readers.push_back(MakeReader("two", absl::Milliseconds(1)));
  const LedgerWorker one(readers[0].outbox.get(), &writer_, &codec_, WorkerOptions());
  const LedgerWorker two(readers[1].outbox.get(), &writer_, &codec_, WorkerOptions());
  for (int i = 0; i < 500; ++i) Commit(ChargeOf(i));
  EXPECT_TRUE(Reaches(500));
  EXPECT_EQ(one.stats().charges + two.stats().charges, 500);
  ExpectRollupsAgree();
}

TEST_P(LedgerWorkerTest, PoisonIsPutAsideAndHoldsNobodyUp) {
  const std::string partition = "{p" + std::to_string(PartitionOf("acme", 64)) + "}";
  Commit(ChargeOf(1));
  redis_.Command({"XADD", partition + "o", "*", "r", "not a record", "s", "not an outcome"});
  redis_.Command({"XADD", partition + "o", "*", "r", codec_.Encode(ChargeOf(2)), "s", "short"});
  redis_.Command({"XADD", partition + "o", "*", "something", "else"});
  // Good bytes that no database takes.
  ChargeRecord bad = ChargeOf(3);
  bad.subject.user = std::string("nul\0", 4);
  Commit(bad);
  Commit(ChargeOf(4));
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  EXPECT_TRUE(Reaches(2));
  EXPECT_EQ(worker.stats().quarantined, 4);
  EXPECT_EQ(Waiting("q"), 4);
  const fixtures::RespReply kept = redis_.Command({"XRANGE", partition + "q", "-", "+"});
  ASSERT_EQ(kept.elements.size(), 4u);
  const auto& fields = kept.elements[0].elements[1].elements;
  ASSERT_EQ(fields.size(), 6u);
  EXPECT_EQ(fields[1].text, "not a record");
  EXPECT_EQ(fields[4].text, "why");
  EXPECT_FALSE(fields[5].text.empty());
}

// Whose absence it is, metrics and alerts tell.
TEST_P(LedgerWorkerTest, AnOutboxThatIsAwayIsNotTheLedger) {
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  redis_.Kill();
  ASSERT_TRUE(fixtures::PollUntil(absl::Seconds(30), [&] { return worker.stats().failures > 2; }));
  EXPECT_FALSE(worker.stats().away);
  redis_.Start();
  ASSERT_TRUE(store_.client().WaitReady(absl::Seconds(30)).ok());
  Commit(ChargeOf(1));
  EXPECT_TRUE(Reaches(1));
}

// A version to come has changed a table under this one, which runs on: that is no charge's fault.
TEST_P(LedgerWorkerTest, AnotherVersionsTablesAreNoFaultOfTheCharges) {
  const auto rename = [this](std::string_view from, std::string_view to) {
    const absl::Status renamed =
        db_->RunScript({"rename", absl::StrCat("ALTER TABLE rollup_day RENAME COLUMN ",
                                               AbslView(from), " TO ", AbslView(to))});
    ASSERT_TRUE(renamed.ok()) << renamed;
  };
  rename("requests", "calls");
  for (int i = 0; i < 3; ++i) Commit(ChargeOf(i));
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  ASSERT_TRUE(fixtures::PollUntil(absl::Seconds(30), [&] { return worker.stats().failures > 1; }));
  EXPECT_TRUE(worker.stats().away);
  EXPECT_EQ(worker.stats().quarantined, 0);
  rename("calls", "requests");
  EXPECT_TRUE(Reaches(3));
  EXPECT_EQ(Waiting("q"), 0);
  ExpectRollupsAgree();
}

// Hands everything on, and remembers how much of it at once.
class WatchedOutbox : public Outbox {
 public:
  explicit WatchedOutbox(Outbox* outbox) : outbox_(outbox) {}
  absl::StatusOr<Batch> Read(int most) override { return outbox_->Read(most); }
  absl::Status Acknowledge(std::span<const Message> messages) override {
    most_ = std::max(most_.load(), messages.size());
    return outbox_->Acknowledge(messages);
  }
  absl::Status Quarantine(const Message& message, std::string_view why) override {
    return outbox_->Quarantine(message, why);
  }
  void Reopen() override { outbox_->Reopen(); }
  size_t most_acknowledged() const { return most_; }

 private:
  Outbox* const outbox_;
  std::atomic<size_t> most_ = 0;
};

TEST_P(LedgerWorkerTest, ATransactionHasABoundInEntries) {
  for (int i = 0; i < 100; ++i) Commit(ChargeOf(i));
  Reader reader = MakeReader("one");
  WatchedOutbox watched(reader.outbox.get());
  LedgerWorkerOptions options = WorkerOptions();
  options.entries_at_once = 10;
  const LedgerWorker worker(&watched, &writer_, &codec_, options);
  EXPECT_TRUE(Reaches(100));
  EXPECT_EQ(watched.most_acknowledged(), 3u);  // three lines each
  EXPECT_EQ(worker.stats().entries, 300);
  ExpectRollupsAgree();
}

TEST_P(LedgerWorkerTest, AChargeOfMoreEntriesThanTheBoundIsWrittenAlone) {
  for (int i = 0; i < 5; ++i) Commit(ChargeOf(i));
  Reader reader = MakeReader("one");
  WatchedOutbox watched(reader.outbox.get());
  LedgerWorkerOptions options = WorkerOptions();
  options.entries_at_once = 2;
  const LedgerWorker worker(&watched, &writer_, &codec_, options);
  EXPECT_TRUE(Reaches(5));
  EXPECT_EQ(watched.most_acknowledged(), 1u);
}

TEST_P(LedgerWorkerTest, ManyPartitionsShareARound) {
  std::set<int> partitions;
  constexpr int kOrgs = 12;
  constexpr int kEach = 150;
  for (int org = 0; org < kOrgs; ++org) {
    for (int i = 0; i < kEach; ++i) {
      ChargeRecord record = ChargeOf(i);
      record.subject.org = "org-" + std::to_string(org);
      partitions.insert(PartitionOf(record.subject.org, 64));
      Commit(record);
    }
  }
  const size_t busy = partitions.size();
  ASSERT_GT(busy, 5u);
  constexpr int kMost = 200;
  Reader reader = MakeReader("one");
  size_t read = 0;
  // Asked for more each time where there was much, and yet never for more than that together; the
  // least that a partition is asked for is 32.
  const size_t bound = std::max<size_t>(kMost, 32 * busy);
  for (int round = 0; round < 40 && read < kOrgs * kEach; ++round) {
    const auto batch = reader.outbox->Read(kMost);
    ASSERT_TRUE(batch.ok()) << batch.status();
    EXPECT_LE(batch->messages.size(), bound) << "round " << round;
    read += batch->messages.size();
  }
  EXPECT_EQ(read, kOrgs * kEach);
}

// Somebody charges while it is asked, and so each time: it is never found empty.
class NeverEmptyOutbox : public Outbox {
 public:
  NeverEmptyOutbox(Outbox* outbox, std::function<void()> charge)
      : outbox_(outbox), charge_(std::move(charge)) {}
  absl::StatusOr<Batch> Read(int most) override {
    charge_();
    ++reads_;
    return outbox_->Read(most);
  }
  absl::Status Acknowledge(std::span<const Message> messages) override {
    return outbox_->Acknowledge(messages);
  }
  absl::Status Quarantine(const Message& message, std::string_view why) override {
    return outbox_->Quarantine(message, why);
  }
  void Reopen() override { outbox_->Reopen(); }
  int64_t reads() const { return reads_; }

 private:
  Outbox* const outbox_;
  const std::function<void()> charge_;
  std::atomic<int64_t> reads_ = 0;
};

// A worker that went on at once whenever it found something would write each charge by itself.
TEST_P(LedgerWorkerTest, ItWaitsForMoreBetweenRounds) {
  Reader reader = MakeReader("one");
  int charged = 0;
  NeverEmptyOutbox outbox(reader.outbox.get(), [&] { Commit(ChargeOf(charged++)); });
  LedgerWorkerOptions options = WorkerOptions();
  options.pause = absl::Milliseconds(10);
  const absl::Time start = absl::Now();
  {
    const LedgerWorker worker(&outbox, &writer_, &codec_, options);
    EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(30), [&] { return outbox.reads() > 30; }));
  }
  EXPECT_LE(outbox.reads(), (absl::Now() - start) / options.pause + 1);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_keys"), charged);
}

// What waits already is written without a pause.
TEST_P(LedgerWorkerTest, ItDoesNotWaitWhereThereIsMore) {
  for (int i = 0; i < 300; ++i) Commit(ChargeOf(i));
  Reader reader = MakeReader("one");
  LedgerWorkerOptions options = WorkerOptions();
  options.pause = absl::Hours(1);
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, options);
  EXPECT_TRUE(Reaches(300));
}

TEST_P(LedgerWorkerTest, RedisLosesItsGroups) {
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  Commit(ChargeOf(1));
  EXPECT_TRUE(Reaches(1));
  redis_.Command({"FLUSHALL"});
  Commit(ChargeOf(2));
  EXPECT_TRUE(Reaches(2));
}

// A file does not go away.
class LedgerWorkerOnPostgresTest : public LedgerWorkerTest {};
INSTANTIATE_TEST_SUITE_P(Postgres, LedgerWorkerOnPostgresTest,
                         ::testing::Values(sql::Dialect::kPostgres), sql::NameOfDialect);

TEST_P(LedgerWorkerOnPostgresTest, ChargesWaitWhileTheDatabaseIsAway) {
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  Commit(ChargeOf(1));
  EXPECT_TRUE(Reaches(1));
  server_->Kill();
  for (int i = 2; i < 50; ++i) Commit(ChargeOf(i));
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return worker.stats().failures > 2; }));
  EXPECT_EQ(Waiting("o"), 48);
  server_->Start();
  EXPECT_TRUE(Reaches(49));
  ExpectRollupsAgree();
}

}  // namespace
}  // namespace quotaplane
