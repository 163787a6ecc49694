// P5: the books balance, and where they do not, that is seen to the nano-USD and can be repaired.
#include "libs/ledger/books.h"

#include "libs/counters/redis/layout.h"
#include "libs/ledger/ledger_reader.h"
#include "tests/ledger/books_fixture.h"

namespace quotaplane {
namespace {

class BooksTest : public BooksFixture {
 protected:
  // As a replica that has refused somebody. A name that no database takes makes it unwritable.
  void Refuse(int id, const std::string& user) {
    RefusalBatch batch{"replica/" + std::to_string(id), "acme", {}};
    batch.lines.push_back({ChargeOf(id).subject, kMonthEndUs - kMonthEndUs % 60'000'000, 1});
    batch.lines[0].subject.user = user;
    const std::string stream =
        "{p" + std::to_string(PartitionOf("acme", store_.store().partitions())) + "}o";
    redis_.Command({"XADD", stream, "*", "r", codec_.EncodeRefusals(batch)});
  }
  int64_t Refused() { return Count("SELECT COALESCE(SUM(denied), 0) FROM ledger_refusals"); }
};
QP_OVER_BOTH_DATABASES(BooksTest);

TEST_P(BooksTest, BalanceWhileChargesGoOn) {
  const LedgerWorker worker(reader_.outbox.get(), &writer_, &codec_, WorkerOptions());
  // By the server's own clock, which no two steps share, unlike one that is moved by hand.
  store_.SetNow(0);
  std::atomic<bool> stop = false;
  std::thread charging([&] {
    for (int i = 0; !stop && i < 5'000; ++i) {
      if (i % 4 == 0) Refuse(i, "u" + std::to_string(i % 7));
      ChargeRecord record = ChargeOf(i % 50, i % 3 == 0 ? "ads" : "search");
      record.id = "live-" + std::to_string(i);
      if (i % 11 == 0) record.lines.clear();
      Charge(record);
    }
  });
  EXPECT_TRUE(fixtures::PollUntil(
      absl::Seconds(20), [&] { return Count("SELECT COUNT(*) FROM ledger_keys") >= 200; }));
  for (int round = 0; round < 5; ++round) {
    const std::vector<BookLine> lines = Compare();
    EXPECT_GE(lines.size(), 11u);
    for (const BookLine& line : lines) {
      EXPECT_EQ(line.drift(), 0) << line.limit_id << " " << line.scope << " ledger " << line.ledger;
    }
  }
  stop = true;
  charging.join();
  const std::vector<BookLine> lines = Compare();
  ASSERT_EQ(lines.size(), 7u + 2 + 1 + 1);  // users, teams, one model, the org
  EXPECT_EQ(Drifting(lines), 0);
  EXPECT_EQ(lines[0].limit_id, "big-requests");
  EXPECT_EQ(lines[0].scope, "{org=acme, model=big}");
  EXPECT_GT(lines[0].counter, 0);
  EXPECT_GT(Refused(), 0);
}

TEST_P(BooksTest, RefusalsInTheOutboxAreWaitedForAndCountNothing) {
  const std::string before = *state_.Mark("acme");
  Charge(ChargeOf(1));
  const std::string charged = *state_.Mark("acme");
  for (int i = 0; i < 3; ++i) Refuse(i, "u1");
  Refuse(3, std::string("nul\0", 4));  // is put aside
  const std::string refused = *state_.Mark("acme");
  EXPECT_NE(refused, charged);
  EXPECT_TRUE(*state_.EmptiedTo("acme", before));
  EXPECT_FALSE(*state_.EmptiedTo("acme", charged));
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(books_.Compare("acme", *policy_, absl::Milliseconds(50)).status()));
  const auto worker = Worker();
  ExpectBalance();
  EXPECT_TRUE(*state_.EmptiedTo("acme", refused));
  EXPECT_EQ(Refused(), 3);
  EXPECT_EQ(Waiting("q"), 1);
  EXPECT_EQ(worker->stats().refusals, 3);
}

TEST_P(BooksTest, ALostCounterIsSeenAndComesBack) {
  {
    const LedgerWorker worker(reader_.outbox.get(), &writer_, &codec_, WorkerOptions());
    for (int i = 0; i < 40; ++i) Charge(ChargeOf(i));
    EXPECT_TRUE(Reaches(40));
  }
  const std::vector<BookLine> before = Compare();
  EXPECT_EQ(Drifting(before), 0);
  redis_.Command({"FLUSHALL"});
  const LedgerWorker worker(reader_.outbox.get(), &writer_, &codec_, WorkerOptions());
  Charge(ChargeOf(100));  // goes on while nothing is known
  const std::vector<BookLine> lost = Compare();
  ASSERT_EQ(lost.size(), before.size());
  EXPECT_GT(Drifting(lost), 5);
  const auto repaired = books_.Repair("acme", lost);
  ASSERT_TRUE(repaired.ok()) << repaired.status();
  EXPECT_EQ(*repaired, Drifting(lost));
  // Again, as after a lost answer: nothing moves twice.
  EXPECT_TRUE(books_.Repair("acme", lost).ok());
  const std::vector<BookLine> after = Compare();
  EXPECT_EQ(Drifting(after), 0);
  for (size_t i = 0; i < after.size(); ++i) EXPECT_GE(after[i].counter, before[i].counter);
}

TEST_P(BooksTest, ANewLimitKnowsThePeriodSoFar) {
  const LedgerWorker worker(reader_.outbox.get(), &writer_, &codec_, WorkerOptions());
  for (int i = 0; i < 40; ++i) Charge(ChargeOf(i));
  const auto with_more =
      *ParsePolicy(std::string(kBooksPolicy) +
                       "  - {id: project-month, per: [project], unit: usd, amount: 1, "
                       "window: month}\n",
                   "policy.yaml");
  const auto lines = books_.Compare("acme", *with_more, absl::Seconds(20));
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_EQ(Drifting(*lines), 1);
  ASSERT_TRUE(books_.Repair("acme", *lines).ok());
  EXPECT_EQ(Drifting(*books_.Compare("acme", *with_more, absl::Seconds(20))), 0);
}

TEST_P(BooksTest, ALedgerThatIsBehindIsNotCalledWrong) {
  Charge(ChargeOf(1));
  const auto lines = books_.Compare("acme", *policy_, absl::Milliseconds(50));
  EXPECT_TRUE(absl::IsDeadlineExceeded(lines.status())) << lines.status();
}

TEST_P(BooksTest, ChargesComeBackAsTheyWereWritten) {
  const SettledCharge one = SettledOf(1);
  SettledCharge none = SettledOf(2, kMonthEndUs + 1);
  none.charge.lines.clear();
  none.charge.cost_nano_usd = 0;
  none.settlement.late = true;
  ASSERT_TRUE(writer_.Write(std::vector<SettledCharge>{one, none}, 1).ok());
  std::vector<SettledCharge> read;
  const absl::Status status =
      StreamCharges(*db_, {"acme", kMonthEndUs, kMonthEndUs + 1}, [&](const SettledCharge& charge) {
        read.push_back(charge);
        return absl::OkStatus();
      });
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(read.size(), 2u);
  EXPECT_TRUE(read[0].charge == one.charge);
  EXPECT_TRUE(read[1].charge == none.charge);
  EXPECT_EQ(read[0].settlement.held_nano_usd, 1'000);
  EXPECT_EQ(read[0].settlement.overrun_nano_usd, 7);
  EXPECT_TRUE(read[1].settlement.late);
}

}  // namespace
}  // namespace quotaplane
