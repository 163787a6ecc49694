// A person is erased: the name is nowhere, every total is as it was, and the books balance.
#include "libs/ledger/erasure.h"

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "libs/base/error.h"
#include "libs/counters/redis/layout.h"
#include "libs/ledger/audit.h"
#include "tests/ledger/books_fixture.h"

namespace quotaplane {
namespace {

// That of the time at which everything here happens.
constexpr int64_t kMinuteUs = kMonthEndUs - kMonthEndUs % 60'000'000;
constexpr char kAlice[] = "al_i%ce\"\\";  // all that patterns and JSON have a meaning for

class ErasureTest : public BooksFixture {
 protected:
  ErasureTest() : erasure_(db_.get(), &books_, &state_, &codec_) {}

  static ChargeRecord OfAlice(const std::string& id) {
    ChargeRecord record = ChargeOf(1);
    record.id = id;
    record.subject.user = kAlice;
    record.subject.labels = {{"agent", "bot"}, {"owner", kAlice}};
    return record;
  }
  // She was refused three times, and somebody else on her behalf once.
  static RefusalBatch RefusedAlice(const std::string& id, int64_t minute_us) {
    const Subject alice = OfAlice("").subject;
    Subject another = ChargeOf(20).subject;
    another.labels = {{"on_behalf_of", kAlice}};
    another.api_key = kAlice;
    return {id, "acme", {{alice, minute_us, 3}, {another, minute_us, 1}}};
  }
  void Refuse(const RefusalBatch& batch) {
    const auto written = writer_.Write({&batch, 1}, 1);
    ASSERT_TRUE(written.ok()) << written.status();
    EXPECT_EQ(written->refusals, 1);
  }
  absl::StatusOr<ErasureOutcome> Erase(const std::string& user = kAlice) {
    return erasure_.Erase({"acme", user, "privacy"}, *policy_, kMonthEndUs, absl::Seconds(20));
  }
  ErasureOutcome MustErase() {
    const auto outcome = Erase();
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.value_or(ErasureOutcome{});
  }
  // Rows that have the name in any text, in any of the ledger's tables.
  int64_t Mentions() {
    int64_t sum = 0;
    const std::string name = "%al\\_i\\%ce%";
    const std::pair<std::string, std::vector<std::string>> tables[] = {
        {"ledger_entries",
         {"reservation_id", "user_name", "api_key", "labels", "reason", "team", "project"}},
        {"ledger_refusals", {"user_name", "api_key", "labels", "team", "project", "model"}},
        {"rollup_hour", {"user_name"}},
        {"rollup_day", {"user_name"}},
        {"ledger_audit", {"detail"}},
        {"erasures", {"pseudonym"}}};
    for (const auto& [table, columns] : tables) {
      for (const std::string& column : columns) {
        sum += Count("SELECT COUNT(*) FROM " + table + " WHERE " + column + " LIKE '" + name +
                     "' ESCAPE '\\'");
      }
    }
    return sum;
  }
  std::string Totals() {
    std::string totals;
    for (const char* sql :
         {"SELECT SUM(cost_nano_usd) FROM ledger_entries",
          "SELECT SUM(quantity) FROM ledger_entries", "SELECT SUM(cost_nano_usd) FROM rollup_hour",
          "SELECT SUM(requests) FROM rollup_hour", "SELECT SUM(cost_nano_usd) FROM rollup_day",
          "SELECT SUM(overrun_nano_usd) FROM rollup_day",
          "SELECT COALESCE(SUM(denied), 0) FROM ledger_refusals",
          "SELECT SUM(denied) FROM rollup_hour", "SELECT SUM(denied) FROM rollup_day"}) {
      totals += std::to_string(Count(sql)) + " ";
    }
    return totals;
  }

  Erasure erasure_;
};
QP_OVER_BOTH_DATABASES(ErasureTest);

TEST_P(ErasureTest, TheNameIsNowhereAndTotalsStay) {
  {
    const auto worker = Worker();
    for (int i = 1; i <= 10; ++i) Charge(ChargeOf(i));
    Charge(OfAlice("a1"));
    Charge(OfAlice(std::string("by-") + kAlice + "-2"));
    ChargeRecord of_another = ChargeOf(20);
    of_another.subject.labels = {{"on_behalf_of", kAlice}};
    of_another.subject.api_key = kAlice;
    Charge(of_another);
    EXPECT_TRUE(Reaches(13));
  }
  Adjustment adjustment;
  adjustment.org = "acme";
  adjustment.id = "fix";
  adjustment.reservation_id = "a1";
  adjustment.cost_nano_usd = -7;
  adjustment.reason = std::string("asked by ") + kAlice;
  adjustment.actor = "finance";
  ASSERT_TRUE(Adjuster(db_.get()).Adjust(adjustment, kMonthEndUs).ok());
  EXPECT_EQ(Apply(), 1);
  const std::string totals = Totals();
  EXPECT_GT(Mentions(), 10);
  ExpectBalance();

  const ErasureOutcome outcome = MustErase();
  EXPECT_FALSE(outcome.replayed);
  EXPECT_EQ(outcome.entries, 3 + 3 + 3 + 1);  // and the correction
  EXPECT_EQ(outcome.counters, 2);             // the day's of the name, and of the pseudonym
  EXPECT_EQ(outcome.quarantined, 0);
  EXPECT_EQ(Mentions(), 0);
  EXPECT_EQ(Totals(), totals);
  ExpectBalance();
  EXPECT_EQ(CounterOf("user-day", "{org=acme, user=" + outcome.pseudonym + "}"), 338 * 2 - 7);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries WHERE user_name = '" + outcome.pseudonym +
                  "' AND labels = '{\"agent\":\"bot\",\"owner\":\"" + outcome.pseudonym + "\"}'"),
            7);

  // Again: the same pseudonym, and nothing changes, audit included.
  const int64_t audited = Count("SELECT COUNT(*) FROM ledger_audit");
  const ErasureOutcome again = MustErase();
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.pseudonym, outcome.pseudonym);
  EXPECT_EQ(again.entries + again.counters, 0);
  EXPECT_EQ(Totals(), totals);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_audit"), audited);

  // The charge is still found by its id.
  adjustment.id = "fix2";
  EXPECT_TRUE(Adjuster(db_.get()).Adjust(adjustment, kMonthEndUs).ok());
  const auto records = ReadAudit(*db_, "acme", 0, kMonthEndUs + 1, 10);
  ASSERT_TRUE(records.ok());
  EXPECT_TRUE(std::any_of(records->begin(), records->end(), [&](const AuditRecord& record) {
    return record.action == "erase_user" && record.actor == "privacy" &&
           absl::StrContains(record.detail, outcome.pseudonym);
  }));
}

TEST_P(ErasureTest, WhatIsStillOnItsWayIsWrittenUnderThePseudonym) {
  Charge(OfAlice("before"));
  const auto worker = Worker();
  EXPECT_TRUE(Reaches(1));
  // In the store, and not yet in the ledger: as if the worker were behind.
  SettledCharge late = {OfAlice("late-" + std::string(kAlice)), {kMonthEndUs, 0, 0, true, false}};
  const ErasureOutcome outcome = MustErase();
  ASSERT_TRUE(writer_.Write(std::vector{late}, 1).ok());
  EXPECT_EQ(Mentions(), 0);
  EXPECT_EQ(
      Count("SELECT COUNT(*) FROM ledger_entries WHERE user_name = '" + outcome.pseudonym + "'"),
      6);
  // It is the same charge as ever.
  EXPECT_EQ(writer_.Write(std::vector{late}, 1)->duplicates, 1);
  // Accepted before the erasure, charged after it.
  SettledCharge spooled = {OfAlice("spooled"), {kMonthEndUs + 5'000'000, 0, 0, true, false}};
  spooled.charge.spooled_at_us = kMonthEndUs - 1;
  ASSERT_TRUE(writer_.Write(std::vector{spooled}, 1).ok());
  EXPECT_EQ(Mentions(), 0);
  // In another org, or later, it is somebody else.
  SettledCharge other = {OfAlice("other"), {kMonthEndUs, 0, 0, false, false}};
  other.charge.subject.org = "umbrella";
  SettledCharge later = {OfAlice("later"), {kMonthEndUs + 1, 0, 0, false, false}};
  ASSERT_TRUE(writer_.Write(std::vector{other, later}, 1).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries WHERE user_name LIKE 'al%'"), 6);
}

TEST_P(ErasureTest, RefusalsLoseTheNameAndKeepTheirSums) {
  Charge(OfAlice("a1"));
  const auto worker = Worker();
  EXPECT_TRUE(Reaches(1));
  const auto erase_at = [&](int64_t now_us) {
    const auto outcome =
        erasure_.Erase({"acme", kAlice, "privacy"}, *policy_, now_us, absl::Seconds(20));
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.value_or(ErasureOutcome{});
  };
  Refuse(RefusedAlice("one/1", kMinuteUs - 600'000'000));
  Refuse(RefusedAlice("one/2", kMinuteUs - 660'000'000));
  const std::string totals = Totals();
  EXPECT_EQ(erase_at(kMinuteUs - 300'000'000).entries, 3);
  EXPECT_EQ(Mentions(), 0);
  EXPECT_EQ(Totals(), totals);
  ExpectBalance();
  // Those of later in the hour are found by a second erasure, and meet the sums of the first.
  Refuse(RefusedAlice("one/3", kMinuteUs));
  EXPECT_GT(Mentions(), 0);
  const int64_t audited = Count("SELECT COUNT(*) FROM ledger_audit");
  const ErasureOutcome again = erase_at(kMonthEndUs);
  EXPECT_FALSE(again.replayed);
  EXPECT_EQ(again.entries, 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_audit"), audited + 1);
  EXPECT_EQ(Mentions(), 0);
  for (const char* table : {"ledger_refusals", "rollup_hour", "rollup_day"}) {
    const std::string denied = std::string("SELECT SUM(denied) FROM ") + table;
    EXPECT_EQ(Count(denied), 12) << table;
    EXPECT_EQ(Count(denied + " WHERE user_name = '" + again.pseudonym + "'"), 9) << table;
  }
}

TEST_P(ErasureTest, RefusalsOnTheirWayAreWrittenUnderThePseudonym) {
  RefusalBatch before = RefusedAlice("one/1", kMinuteUs);
  before.lines.pop_back();  // a charge of another on its way keeps its labels, too
  RefusalBatch after = before;
  after.id = "one/2";
  after.lines[0].minute_us = kMinuteUs + 60'000'000;
  const ErasureOutcome outcome = MustErase();
  Refuse(before);
  EXPECT_EQ(Mentions(), 0);
  EXPECT_EQ(Count("SELECT denied FROM rollup_day WHERE user_name = '" + outcome.pseudonym + "'"),
            3);
  Refuse(after);
  EXPECT_EQ(Count("SELECT SUM(denied) FROM ledger_refusals WHERE user_name LIKE 'al%'"), 3);
}

TEST_P(ErasureTest, RefusalsInTheOutboxAreErased) {
  const std::string stream =
      "{p" + std::to_string(PartitionOf("acme", store_.store().partitions())) + "}o";
  for (int i = 0; i < 20; ++i) {
    RefusalBatch batch = RefusedAlice("one/" + std::to_string(i), kMinuteUs);
    batch.lines.pop_back();
    redis_.Command({"XADD", stream, "*", "r", codec_.EncodeRefusals(batch)});
  }
  std::thread erasing([&] { MustErase(); });  // before any of them is in the ledger, or after
  const auto worker = Worker();
  erasing.join();
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] {
    return Count("SELECT COALESCE(SUM(denied), 0) FROM ledger_refusals") == 60;
  }));
  EXPECT_EQ(Mentions(), 0);
  EXPECT_EQ(Count("SELECT COUNT(DISTINCT user_name) FROM rollup_hour"), 1);
}

TEST_P(ErasureTest, ChargesInTheOutboxAreErasedAndBalance) {
  for (int i = 0; i < 20; ++i) Charge(OfAlice("a" + std::to_string(i)));
  std::thread erasing([&] { MustErase(); });  // before any of them is in the ledger, or after
  const auto worker = Worker();
  erasing.join();
  EXPECT_TRUE(Reaches(20));
  EXPECT_EQ(Mentions(), 0);
  EXPECT_EQ(Count("SELECT COUNT(DISTINCT user_name) FROM ledger_entries"), 1);
  ExpectBalance();
}

TEST_P(ErasureTest, UseAfterwardsIsANewPersonsUntilItIsErasedToo) {
  const auto worker = Worker();
  Charge(OfAlice("a1"));
  EXPECT_TRUE(Reaches(1));
  const ErasureOutcome first = MustErase();
  store_.SetNow(kMonthEndUs + 1'000);
  Charge(OfAlice("a2"));
  EXPECT_TRUE(Reaches(2));
  ExpectBalance();
  EXPECT_EQ(CounterOf("user-day", std::string("{org=acme, user=") + kAlice + "}"), 338);
  EXPECT_EQ(CounterOf("user-day", "{org=acme, user=" + first.pseudonym + "}"), 338);
  const ErasureOutcome second = MustErase();
  EXPECT_FALSE(second.replayed);
  EXPECT_EQ(second.pseudonym, first.pseudonym);
  EXPECT_EQ(Mentions(), 0);
  ExpectBalance();
  EXPECT_EQ(CounterOf("user-day", "{org=acme, user=" + first.pseudonym + "}"), 2 * 338);
}

TEST_P(ErasureTest, NothingIsWrittenUnderANameThatIsBeingErased) {
  std::atomic<bool> stop = false;
  std::atomic<int> written = 0;
  std::vector<std::thread> writers;
  for (int thread = 0; thread < 3; ++thread) {
    writers.emplace_back([&, thread] {
      for (int i = 0; !stop; ++i) {
        SettledCharge charge = {OfAlice(std::to_string(thread) + "-" + std::to_string(i)),
                                {kMonthEndUs, 0, 0, false, false}};
        if (writer_.Write(std::vector{charge}, 1).ok()) ++written;
      }
    });
  }
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return written > 20; }));
  MustErase();
  const int then = written;
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return written > then + 20; }));
  stop = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Mentions(), 0);
  EXPECT_EQ(Count("SELECT SUM(requests) FROM rollup_day"), written);
}

TEST_P(ErasureTest, WhatWasPutAsideIsCounted) {
  const std::string partition =
      "{p" + std::to_string(PartitionOf("acme", store_.store().partitions())) + "}q";
  redis_.Command({"XADD", partition, "*", "r", codec_.Encode(OfAlice("q1")), "why", "x"});
  redis_.Command({"XADD", partition, "*", "r", codec_.Encode(ChargeOf(3)), "why", "x"});
  redis_.Command({"XADD", partition, "*", "r", "\xff\xff", "why", "x"});
  RefusalBatch refusals = RefusedAlice("one/1", kMinuteUs);
  redis_.Command({"XADD", partition, "*", "r", codec_.EncodeRefusals(refusals), "why", "x"});
  refusals.lines[0].subject.user = "bob";
  redis_.Command({"XADD", partition, "*", "r", codec_.EncodeRefusals(refusals), "why", "x"});
  EXPECT_EQ(MustErase().quarantined, 3);  // her charge, her refusals, and what nobody can read
}

TEST_P(ErasureTest, WhatStandsBesideTheLedgerIsErasedWithItOrNothingIs) {
  Charge(OfAlice("a1"));
  const auto worker = Worker();
  EXPECT_TRUE(Reaches(1));
  absl::StatusOr<int64_t> beside = absl::UnavailableError("away");
  std::string pseudonym;
  Erasure erasure(db_.get(), &books_, &state_, &codec_,
                  [&](sql::Transaction&, const Person& person) {
                    EXPECT_EQ(person.org + "/" + person.user, std::string("acme/") + kAlice);
                    pseudonym = person.pseudonym;
                    return beside;
                  });
  const auto erase = [&] {
    return erasure.Erase({"acme", kAlice, "privacy"}, *policy_, kMonthEndUs, absl::Seconds(20));
  };
  EXPECT_TRUE(absl::IsUnavailable(erase().status()));
  EXPECT_GT(Mentions(), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM erasures"), 0);
  beside = 2;
  const auto done = erase();
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->pseudonym, pseudonym);
  EXPECT_EQ(Mentions(), 0);
  const int64_t audited = Count("SELECT COUNT(*) FROM ledger_audit");
  EXPECT_FALSE(erase()->replayed);  // there was something new beside the ledger
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_audit"), audited + 1);
  beside = 0;
  EXPECT_TRUE(erase()->replayed);
}

TEST_P(ErasureTest, BadInputNamesTheField) {
  const auto field = [&](const std::string& user) {
    const auto violations = FieldViolationsOf(Erase(user).status());
    return violations.empty() ? "" : violations[0].field;
  };
  EXPECT_EQ(field(""), "user");
  EXPECT_EQ(field("a\nb"), "user");
  EXPECT_EQ(field("erased-0123456789abcdef"), "user");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM erasures"), 0);
  EXPECT_EQ(field("erased-x"), "");
}

}  // namespace
}  // namespace quotaplane
