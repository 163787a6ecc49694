// From the outbox into the ledger, through everything that breaks in between.
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

// Acknowledges nothing the first few times, as a worker that dies before it comes to that.
class DyingOutbox : public Outbox {
 public:
  DyingOutbox(Outbox* outbox, int deaths) : outbox_(outbox), deaths_(deaths) {}
  absl::StatusOr<std::vector<Message>> Read(int most) override { return outbox_->Read(most); }
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
  ASSERT_TRUE(dead.outbox->Read(1'000)->empty());    // nothing from a former life
  ASSERT_EQ(dead.outbox->Read(1'000)->size(), 32u);  // it asks for more where there was much
  dead = {};
  Reader reader = MakeReader("other", absl::Milliseconds(50));
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  EXPECT_TRUE(Reaches(100));
  EXPECT_EQ(worker.stats().charges, 100);
}

TEST_P(LedgerWorkerTest, ANamesakeTakesOverAtOnce) {
  for (int i = 0; i < 20; ++i) Commit(ChargeOf(i));
  Reader dead = MakeReader("one");
  ASSERT_TRUE(dead.outbox->Read(1'000)->empty());
  ASSERT_EQ(dead.outbox->Read(1'000)->size(), 20u);
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
