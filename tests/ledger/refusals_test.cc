// What was refused, from the replica's counts into the ledger: once, whatever breaks in between,
// and without a trace in the books.
#include "libs/counters/redis/layout.h"
#include "libs/ledger/ledger_reader.h"
#include "libs/ledger/redis/refusal_outbox.h"
#include "libs/ledger/refusal_sender.h"
#include "tests/ledger/ledger_fixture.h"

namespace quotaplane {
namespace {

Subject Of(const std::string& user, const std::string& org = "acme") {
  return {org, "search", "p1", user, "k1", "big", {{"agent", "say \"hi\""}}};
}

RefusalBatch BatchOf(int id, int lines = 3) {
  RefusalBatch batch{"replica/" + std::to_string(id), "acme", {}};
  for (int i = 0; i < lines; ++i) {
    batch.lines.push_back(
        {Of("u" + std::to_string(i)), kMonthEndUs - kMonthEndUs % 60'000'000, i + 1});
  }
  return batch;
}

class RefusalsTest : public OutboxTest {
 protected:
  int64_t Denied() { return Count("SELECT COALESCE(SUM(denied), 0) FROM ledger_refusals"); }
  void ExpectSums(int64_t denied) {
    EXPECT_EQ(Denied(), denied);
    EXPECT_EQ(Count("SELECT COALESCE(SUM(denied), 0) FROM rollup_hour"), denied);
    EXPECT_EQ(Count("SELECT COALESCE(SUM(denied), 0) FROM rollup_day"), denied);
    EXPECT_EQ(Count("SELECT COALESCE(SUM(requests), 0) FROM rollup_day"),
              Count("SELECT COUNT(*) FROM ledger_keys"));
  }
  bool Reaches(int64_t denied) {
    return fixtures::PollUntil(absl::Seconds(30),
                               [&] { return Denied() == denied && Waiting("o") == 0; });
  }

  struct Sender {
    std::unique_ptr<redis::Client> client;
    std::unique_ptr<RedisRefusalOutbox> outbox;
    std::unique_ptr<RefusalSender> sender;
  };
  Sender MakeSender(const std::string& instance, size_t most_lines = 100) {
    Sender made;
    redis::ClientOptions options;
    options.url = redis_.unix_url();
    made.client = *redis::Client::Start(options, {});
    EXPECT_TRUE(made.client->WaitReady(absl::Seconds(20)).ok());
    made.outbox =
        std::make_unique<RedisRefusalOutbox>(made.client.get(), store_.store().partitions());
    made.sender = std::make_unique<RefusalSender>(
        &counts_, made.outbox.get(), &codec_,
        RefusalSenderOptions{instance, absl::Milliseconds(5), most_lines});
    return made;
  }

  RefusalCounts counts_;
};
QP_OVER_BOTH_DATABASES(RefusalsTest);

TEST_P(RefusalsTest, ABatchIsWrittenOnce) {
  const std::vector<RefusalBatch> batches = {BatchOf(1), BatchOf(2), BatchOf(1)};
  const auto written = writer_.Write(batches, 7);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->refusals, 2);
  EXPECT_EQ(written->duplicates, 1);
  ExpectSums(12);
  EXPECT_EQ(writer_.Write(batches, 8)->refusals, 0);
  ExpectSums(12);
  const auto rows =
      db_->Query({"all",
                  "SELECT line, org, occurred_at_us, recorded_at_us, model, team, project, "
                  "user_name, api_key, labels, "
                  "cost_center, denied FROM ledger_refusals ORDER BY batch_key, line"});
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 6u);
  const sql::Row& row = (*rows)[2];
  EXPECT_EQ(row[0].integer(), 2);
  EXPECT_EQ(row[2].integer(), kMonthEndUs - kMonthEndUs % 60'000'000);
  EXPECT_EQ(row[3].integer(), 7);
  EXPECT_EQ(row[9].text(), "{\"agent\":\"say \\\"hi\\\"\"}");
  EXPECT_EQ(row[10].text(), "cc-search");
  EXPECT_EQ(row[11].integer(), 3);
}

TEST_P(RefusalsTest, TheBooksDoNotKnowThem) {
  const SettledCharge charge = SettledOf(1);
  ASSERT_TRUE(writer_.Write({&charge, 1}, 1).ok());
  const RefusalBatch batch = BatchOf(1);
  ASSERT_TRUE(writer_.Write({&batch, 1}, 1).ok());
  int charges = 0;
  ASSERT_TRUE(StreamCharges(*db_, {"acme", 0, INT64_MAX}, [&](const SettledCharge& read) {
                ++charges;
                EXPECT_EQ(read.charge.id, "r1");
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(charges, 1);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_keys"), 1);
  ExpectRollupsAgree();
}

TEST_P(RefusalsTest, CountedSentAndWrittenBesideCharges) {
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  Sender sender = MakeSender("a", 3);
  for (int i = 0; i < 200; ++i) {
    counts_.Count(Of("u" + std::to_string(i % 7), i % 2 == 0 ? "acme" : "initech"), kMonthEndUs);
    if (i % 4 == 0) Commit(ChargeOf(i));
  }
  EXPECT_TRUE(Reaches(200));
  EXPECT_TRUE(OutboxTest::Reaches(50));
  ExpectSums(200);
  EXPECT_EQ(Count("SELECT SUM(denied) FROM ledger_refusals WHERE org = 'initech'"), 100);
  EXPECT_EQ(sender.sender->stats().refusals, 200);
  EXPECT_EQ(worker.stats().quarantined, 0);
}

TEST_P(RefusalsTest, AMessageThatComesTwiceCountsOnce) {
  const std::string stream = "{p" + std::to_string(PartitionOf("acme", 64)) + "}o";
  for (const int id : {1, 2, 1, 1}) {
    redis_.Command({"XADD", stream, "*", "r", codec_.EncodeRefusals(BatchOf(id))});
  }
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  EXPECT_TRUE(Reaches(12));
  ExpectSums(12);
  EXPECT_EQ(worker.stats().duplicates, 2);
  EXPECT_EQ(worker.stats().refusals, 2);
}

// Takes what it is given, and says that it did not, as a store whose answer was lost.
class ForgetfulOutbox : public RefusalOutbox {
 public:
  ForgetfulOutbox(RefusalOutbox* outbox, int losses) : outbox_(outbox), losses_(losses) {}
  absl::Status Append(const std::string& org, const std::string& record) override {
    const absl::Status appended = outbox_->Append(org, record);
    return losses_-- > 0 ? absl::DeadlineExceededError("no answer") : appended;
  }

 private:
  RefusalOutbox* const outbox_;
  int losses_;
};

TEST_P(RefusalsTest, AnAnswerThatIsLostCountsOnce) {
  Sender made = MakeSender("a");
  made.sender.reset();
  ForgetfulOutbox forgetful(made.outbox.get(), 5);
  for (int i = 0; i < 30; ++i) counts_.Count(Of("u" + std::to_string(i % 3)), kMonthEndUs);
  const RefusalSender sender(&counts_, &forgetful, &codec_, {"b", absl::Milliseconds(5), 100});
  ASSERT_TRUE(
      fixtures::PollUntil(absl::Seconds(20), [&] { return sender.stats().refusals == 30; }));
  EXPECT_EQ(sender.stats().failures, 5);
  EXPECT_EQ(Waiting("o"), 6);
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  EXPECT_TRUE(Reaches(30));
  ExpectSums(30);
}

TEST_P(RefusalsTest, TheyWaitWhileRedisIsAway) {
  Sender sender = MakeSender("a");
  redis_.Kill();
  counts_.Count(Of("early"), kMonthEndUs);
  ASSERT_TRUE(
      fixtures::PollUntil(absl::Seconds(20), [&] { return sender.sender->stats().failures > 1; }));
  for (int i = 0; i < 50; ++i) counts_.Count(Of("late"), kMonthEndUs);
  EXPECT_EQ(sender.sender->stats().refusals, 0);
  redis_.Start();
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  EXPECT_TRUE(Reaches(51));
  ExpectSums(51);
}

TEST_P(RefusalsTest, TheLastOnesAreSentAtTheEnd) {
  {
    Sender made = MakeSender("a");
    made.sender.reset();
    const RefusalSender sender(&counts_, made.outbox.get(), &codec_, {"b", absl::Hours(1), 100});
    counts_.Count(Of("u"), kMonthEndUs);
  }
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  EXPECT_TRUE(Reaches(1));
}

TEST_P(RefusalsTest, WhatCannotBeWrittenIsPutAsideAlone) {
  RefusalBatch bad = BatchOf(1);
  bad.lines[1].subject.user = std::string("nul\0", 4);
  const std::string stream = "{p" + std::to_string(PartitionOf("acme", 64)) + "}o";
  for (const RefusalBatch& batch : {BatchOf(2), bad, BatchOf(3)}) {
    redis_.Command({"XADD", stream, "*", "r", codec_.EncodeRefusals(batch)});
  }
  Reader reader = MakeReader("one");
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, WorkerOptions());
  EXPECT_TRUE(Reaches(12));
  EXPECT_EQ(Waiting("q"), 1);
  ExpectSums(12);
}

TEST_P(RefusalsTest, ATransactionTakesNoMoreLinesThanItsBound) {
  const std::string stream = "{p" + std::to_string(PartitionOf("acme", 64)) + "}o";
  int64_t denied = 0;
  for (int i = 0; i < 60; ++i) {
    const RefusalBatch batch = BatchOf(i, 1 + i % 9);  // the longest is alone longer than the bound
    for (const RefusalLine& line : batch.lines) denied += line.count;
    redis_.Command({"XADD", stream, "*", "r", codec_.EncodeRefusals(batch)});
  }
  Reader reader = MakeReader("one");
  LedgerWorkerOptions options = WorkerOptions();
  options.entries_at_once = 8;
  // Each transaction asks once: rows know theirs.
  options.now_us = [transactions = int64_t{0}]() mutable { return ++transactions; };
  const LedgerWorker worker(reader.outbox.get(), &writer_, &codec_, std::move(options));
  EXPECT_TRUE(Reaches(denied));
  ExpectSums(denied);
  EXPECT_EQ(worker.stats().refusals, 60);
  EXPECT_EQ(worker.stats().failures, 0);
  EXPECT_EQ(Count("SELECT MAX(lines) FROM (SELECT COUNT(*) AS lines FROM ledger_refusals GROUP BY "
                  "recorded_at_us) AS t"),
            9);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM (SELECT recorded_at_us FROM ledger_refusals GROUP BY "
                  "recorded_at_us HAVING COUNT(*) > 8 AND COUNT(DISTINCT batch_key) > 1) AS t"),
            0);
}

TEST_P(RefusalsTest, TwoWorkersFightOverThem) {
  std::vector<Reader> readers;
  readers.push_back(MakeReader("one", absl::Milliseconds(1)));
  readers.push_back(MakeReader("two", absl::Milliseconds(1)));
  const LedgerWorker one(readers[0].outbox.get(), &writer_, &codec_, WorkerOptions());
  const LedgerWorker two(readers[1].outbox.get(), &writer_, &codec_, WorkerOptions());
  const std::string stream = "{p" + std::to_string(PartitionOf("acme", 64)) + "}o";
  for (int i = 0; i < 100; ++i) {
    redis_.Command({"XADD", stream, "*", "r", codec_.EncodeRefusals(BatchOf(i))});
  }
  EXPECT_TRUE(Reaches(600));
  ExpectSums(600);
}

TEST(RefusalCodec, WhatIsWrittenIsRead) {
  const LedgerCodec codec;
  const RefusalBatch batch = BatchOf(5);
  const auto read = codec.DecodeRefusals(codec.EncodeRefusals(batch));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, batch);
  // Neither is taken for the other, by this worker or by an older one.
  EXPECT_TRUE(absl::IsDataLoss(codec.Decode(codec.EncodeRefusals(batch)).status()));
  EXPECT_TRUE(absl::IsDataLoss(codec.DecodeRefusals(codec.Encode(ChargeOf(1))).status()));
  EXPECT_TRUE(absl::IsDataLoss(codec.DecodeRefusals("not a record").status()));
  RefusalBatch bad = batch;
  bad.lines[0].count = 0;
  EXPECT_TRUE(absl::IsDataLoss(codec.DecodeRefusals(codec.EncodeRefusals(bad)).status()));
  bad = batch;
  bad.lines[0].subject.org = "initech";
  EXPECT_TRUE(absl::IsDataLoss(codec.DecodeRefusals(codec.EncodeRefusals(bad)).status()));
}

}  // namespace
}  // namespace quotaplane
