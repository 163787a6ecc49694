// Closing months over both databases: whatever arrives when, all statements together say what the
// ledger says.
#include "libs/reports/statement_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <thread>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/ledger/retention.h"
#include "libs/reports/statement_json.h"
#include "libs/reports/usage_sums.h"
#include "libs/testing/poll_until.h"
#include "tests/reports/reports_fixture.h"

namespace quotaplane::reports {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StatementStoreTest : public ReportsTest {
 protected:
  MonthQuery Query(absl::CivilMonth month, absl::TimeZone zone = absl::UTCTimeZone()) {
    return {"acme", month, zone, rules_};
  }
  // Closes it a day after its end.
  absl::StatusOr<CloseResult> Close(absl::CivilMonth month,
                                    absl::TimeZone zone = absl::UTCTimeZone(),
                                    const std::string& id = "") {
    const int64_t now_us = MonthRange(month, zone).to_us + int64_t{86'400} * 1'000'000;
    return CloseMonth(*db_, Query(month, zone), id.empty() ? MonthName(month) : id, now_us);
  }
  CloseResult MustClose(absl::CivilMonth month, absl::TimeZone zone = absl::UTCTimeZone()) {
    const auto result = Close(month, zone);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(CloseResult());
  }
  static std::string ReasonOf(const absl::Status& status) {
    return quotaplane::ReasonOf(status).value_or(std::string(status.message()));
  }
  Statement MustGet(int64_t number) {
    const auto document = StoredDocument(*db_, "acme", number);
    EXPECT_TRUE(document.ok()) << document.status();
    auto statement = ParseStatement(document.value_or(""));
    EXPECT_TRUE(statement.ok()) << statement.status();
    return statement.ok() ? *std::move(statement) : Statement();
  }
  std::vector<Statement> AllStatements() {
    std::vector<Statement> all;
    const auto listed = ListStatements(*db_, {"acme", {}, {}}, 0, 10'000);
    EXPECT_TRUE(listed.ok()) << listed.status();
    for (const StatementSummary& each : *listed) {
      all.push_back(MustGet(each.number));
      EXPECT_EQ(each.totals, all.back().totals);
    }
    return all;
  }
  void Drop(const RetentionAges& ages, int64_t now_us) {
    const auto dropped = Retention(db_.get()).Run(ages, now_us, "test");
    ASSERT_TRUE(dropped.ok()) << dropped.status();
    EXPECT_TRUE(dropped->anything());
  }
  int64_t Count(std::string_view sql) { return sql::MustCount(*db_, sql); }
  // A charge of the team at that moment, of 1,000 units for 3,000,000 nano-USD.
  SettledCharge ChargeAt(int64_t us, const std::string& team = "search") {
    SettledCharge charge;
    charge.charge.id = absl::StrCat("c", next_++);
    charge.charge.subject = {"acme", team, "p", "alice", "", "big", {}};
    charge.charge.lines = {
        {0, "big", ServiceTier::kStandard, "input", 1'000, 3'000'000'000, 3'000'000, false, ""}};
    charge.charge.cost_nano_usd = 3'000'000;
    charge.settlement.occurred_at_us = us;
    return charge;
  }
  static int64_t At(absl::CivilSecond second, absl::TimeZone zone = absl::UTCTimeZone()) {
    return absl::ToUnixMicros(absl::FromCivil(second, zone));
  }

  ChargebackRules rules_;
  int next_ = 0;
};
QP_OVER_BOTH_DATABASES(StatementStoreTest);

// By (month, correction or not, cost center, team, project, model, meter).
using Naive = std::map<
    std::tuple<std::string, bool, std::string, std::string, std::string, std::string, std::string>,
    Amounts>;

Naive NaiveSums(const std::vector<Line>& lines, absl::TimeZone zone) {
  Naive sums;
  for (const Line& line : lines) {
    const absl::CivilDay day = absl::ToCivilDay(absl::FromUnixMicros(line.at_us), zone);
    const std::string month = absl::FormatCivilTime(absl::CivilMonth(day));
    Amounts& sum = sums[{month, line.correction, line.cost_center, line.team, line.project,
                         line.model, line.meter}];
    sum.quantity += line.quantity;
    sum.cost_nano_usd += line.cost_nano_usd;
    sum.requests += line.first && !line.correction ? 1 : 0;
    sum.overrun_nano_usd += line.overrun_nano_usd;
  }
  std::erase_if(sums, [](const auto& each) { return each.second.zero(); });
  return sums;
}

Naive BilledSums(const std::vector<Statement>& statements) {
  Naive sums;
  for (const Statement& statement : statements) {
    for (const auto& [key, amounts] : statement.usage.lines) {
      EXPECT_TRUE(key.kind == LineKind::kUsage ? key.month == statement.head.month
                                               : key.month <= statement.head.month);
      Amounts& sum = sums[{key.month, key.kind == LineKind::kCorrection, statement.cost_center,
                           key.team, key.project, key.model, key.meter}];
      EXPECT_TRUE(sum.Add(amounts).ok());
    }
  }
  std::erase_if(sums, [](const auto& each) { return each.second.zero(); });
  return sums;
}

void ExpectSame(const Naive& billed, const Naive& ledger) {
  EXPECT_EQ(billed.size(), ledger.size());
  for (const auto& [key, amounts] : ledger) {
    const auto found = billed.find(key);
    ASSERT_NE(found, billed.end()) << std::get<0>(key) << " " << std::get<3>(key);
    EXPECT_EQ(found->second, amounts) << std::get<0>(key) << " " << std::get<3>(key);
  }
}

// A year of months closed one after another, while charges and corrections of any month keep
// arriving.
TEST_P(StatementStoreTest, AllStatementsAreTheLedgerWhateverArrivesLate) {
  const absl::TimeZone zone = ZoneOf(postgres() ? "America/New_York" : "Europe/Berlin");
  rules_.seat_fees = {{"Seat", 5'000'000'000, {}, true}};
  rules_.shared_costs = {{"Ops", 1'000'000'007, Allocation::kByUsage, {}}};
  rules_.markup_millionths = 12'345;
  std::mt19937_64 random(20'261'126);
  std::vector<SettledCharge> charges;
  for (int id = 0; id < 1'500; ++id) charges.push_back(RandomCharge(id, random));
  size_t written = 0;
  const auto arrive = [&](size_t count) {
    const size_t end = std::min(written + count, charges.size());
    ledger_.Write(std::vector<SettledCharge>(charges.begin() + static_cast<ptrdiff_t>(written),
                                             charges.begin() + static_cast<ptrdiff_t>(end)));
    for (; written < end; ++written) {
      const SettledCharge& charge = charges[written];
      if (written % 9 != 0 || charge.charge.lines.empty()) continue;
      const auto cost = static_cast<int64_t>(random() % 100'000) - 80'000;
      ledger_.Correct(charge, TrickyInstant(random), cost, "wrong price");
    }
  };
  arrive(600);
  absl::CivilMonth month(2026, 1);
  for (; month <= absl::CivilMonth(2026, 12); ++month) {
    MustClose(month, zone);
    arrive(75);
  }
  arrive(charges.size());
  MustClose(month, zone);

  const std::vector<Statement> statements = AllStatements();
  ExpectSame(BilledSums(statements), NaiveSums(lines(), zone));
  int64_t billed = 0, in_ledger = 0, late = 0, corrections = 0;
  for (const Line& line : lines()) in_ledger += line.cost_nano_usd;
  for (const Statement& each : statements) {
    const Totals& totals = each.totals;
    billed += totals.usage_nano_usd + totals.late_nano_usd + totals.corrections_nano_usd;
    late += totals.late_nano_usd;
    corrections += totals.corrections_nano_usd;
    int64_t days = 0;
    for (const auto& [day, cost] : each.usage.by_team) days += cost;
    EXPECT_EQ(days, totals.usage_nano_usd);
    for (const auto& [day, cost] : each.usage.by_model) days -= cost;
    EXPECT_EQ(days, 0);
  }
  EXPECT_EQ(billed, in_ledger);
  EXPECT_GT(late, 0);
  EXPECT_NE(corrections, 0);
  for (size_t i = 0; i < statements.size(); ++i) {
    EXPECT_EQ(statements[i].number, static_cast<int64_t>(i) + 1) << "numbers have gaps";
  }
}

TEST_P(StatementStoreTest, DocumentsAreMadeAnewByteForByte) {
  ledger_.Fill(800, 3);
  const absl::TimeZone zone = ZoneOf("Asia/Kolkata");
  rules_.seat_fees = {{"Seat", 5, {{"R-none", 4}}, false}, {"User", 7, {}, true}};
  rules_.shared_costs = {{"Even", 1'001, Allocation::kEven, {}},
                         {"Weight", 77, Allocation::kByWeight, {{"cc-search", 3}, {"", 1}}}};
  rules_.markup_by_cost_center = {{"cc-growth", -500'000}};
  rules_.currency = {"INR", 88'250'000'000, 2};
  int64_t number = 0;
  for (absl::CivilMonth month(2026, 2); month < absl::CivilMonth(2026, 6); ++month) {
    const CloseResult closed = MustClose(month, zone);
    const auto remade = RemakeDocuments(*db_, "acme", MonthName(month));
    ASSERT_TRUE(remade.ok()) << remade.status();
    ASSERT_EQ(remade->size(), closed.statements.size());
    for (const std::string& document : *remade) {
      const auto stored = StoredDocument(*db_, "acme", ++number);
      ASSERT_TRUE(stored.ok()) << stored.status();
      EXPECT_EQ(document, *stored);
    }
    ledger_.Fill(100, static_cast<uint64_t>(number));  // the same ids: nothing new
  }
  EXPECT_TRUE(absl::IsNotFound(RemakeDocuments(*db_, "acme", "2026-06").status()));
}

TEST_P(StatementStoreTest, MonthsEndWhereTheZoneSaysSo) {
  for (const char* name : {"Asia/Kolkata", "America/New_York", "Europe/Berlin"}) {
    const absl::TimeZone zone = ZoneOf(name);
    const int64_t end = At(absl::CivilSecond(2028, 3, 1), zone);
    ledger_.Write({ChargeAt(end - 1), ChargeAt(end), ChargeAt(end + 1)});
    const MonthQuery february = Query(absl::CivilMonth(2028, 2), zone);
    const auto preview = PreviewMonth(*db_, february);
    ASSERT_TRUE(preview.ok()) << preview.status();
    int64_t naive = 0;
    for (const Line& line : lines()) {
      const absl::CivilDay day = absl::ToCivilDay(absl::FromUnixMicros(line.at_us), zone);
      naive += day == absl::CivilDay(2028, 2, 29) ? line.cost_nano_usd : 0;
    }
    ASSERT_EQ(preview->size(), 1u);
    EXPECT_EQ((*preview)[0].totals.usage_nano_usd, naive) << name;
    EXPECT_EQ((*preview)[0].usage.by_team.begin()->first.first, "2028-02-29");
  }
}

TEST_P(StatementStoreTest, LateUsageAndCorrectionsAreInTheNextStatement) {
  const int64_t october = At(absl::CivilSecond(2026, 10, 5));
  const SettledCharge first = ChargeAt(october);
  ledger_.Write({first});
  EXPECT_EQ(MustClose(absl::CivilMonth(2026, 10)).statements.size(), 1u);
  ledger_.Write({ChargeAt(october + 1), ChargeAt(october + 2, "growth")});
  ledger_.Correct(first, At(absl::CivilSecond(2026, 11, 7)), -1'000, "wrong price");
  ledger_.Write({ChargeAt(At(absl::CivilSecond(2026, 11, 9)))});
  const CloseResult november = MustClose(absl::CivilMonth(2026, 11));
  ASSERT_EQ(november.statements.size(), 2u);
  EXPECT_EQ(november.statements[0].totals.late_nano_usd, 3'000'000) << "growth";
  const Statement search = MustGet(3);
  EXPECT_EQ(search.totals.usage_nano_usd, 3'000'000);
  EXPECT_EQ(search.totals.late_nano_usd, 3'000'000);
  EXPECT_EQ(search.totals.corrections_nano_usd, -1'000);
  std::vector<std::string> shown;
  for (const auto& [key, amounts] : search.usage.lines) {
    shown.push_back(absl::StrCat(std::string(NameOf(key.kind)), " ", key.month, " ",
                                 key.corrects_month, " ", amounts.cost_nano_usd));
  }
  EXPECT_THAT(shown, ElementsAre("usage 2026-11  3000000", "late 2026-10  3000000",
                                 "correction 2026-11 2026-10 -1000"));
  EXPECT_THAT(MustClose(absl::CivilMonth(2026, 12)).statements, IsEmpty());
}

TEST_P(StatementStoreTest, ACorrectionThatComesLateIsStillACorrection) {
  const SettledCharge charge = ChargeAt(At(absl::CivilSecond(2026, 9, 5)));
  ledger_.Write({charge});
  MustClose(absl::CivilMonth(2026, 9));
  ledger_.Write({ChargeAt(At(absl::CivilSecond(2026, 10, 5)))});
  MustClose(absl::CivilMonth(2026, 10));
  ledger_.Correct(charge, At(absl::CivilSecond(2026, 10, 9)), -500, "made in October");
  MustClose(absl::CivilMonth(2026, 11));
  const Statement november = MustGet(3);
  ASSERT_EQ(november.usage.lines.size(), 1u);
  const LineKey& key = november.usage.lines.begin()->first;
  EXPECT_EQ(key.kind, LineKind::kCorrection);
  EXPECT_EQ(key.month, "2026-10");
  EXPECT_EQ(key.corrects_month, "2026-09");
  EXPECT_EQ(november.totals.total_nano_usd, -500);
}

TEST_P(StatementStoreTest, OfMonthsThatRetentionHasCutNothingIsBilledOrTakenBack) {
  const absl::TimeZone zone = ZoneOf("Asia/Kolkata");
  const auto noon = [&](int month) { return At(absl::CivilSecond(2026, month, 15, 12), zone); };
  const SettledCharge march = ChargeAt(noon(3)), april = ChargeAt(noon(4));
  ledger_.Write({march, ChargeAt(noon(3) + 1), april, ChargeAt(noon(5))});
  ledger_.Correct(march, noon(4), -700, "wrong price");
  for (int month = 3; month <= 5; ++month) MustClose(absl::CivilMonth(2026, month), zone);
  // Entries from April on are kept, by UTC.
  Drop({30, 0, 0, true}, At(absl::CivilSecond(2026, 5, 20)));
  ASSERT_EQ(Count("SELECT MIN(occurred_at_us) FROM ledger_entries"), noon(4));
  ledger_.Write(
      {ChargeAt(noon(3) + 2), ChargeAt(noon(4) + 2), ChargeAt(noon(5) + 2), ChargeAt(noon(6))});
  ledger_.Correct(april, noon(6), -11, "wrong price");
  ledger_.Correct(ChargeAt(noon(3)), noon(5) + 7, -13, "its charge is gone, its time is known");
  MustClose(absl::CivilMonth(2026, 6), zone);
  const std::vector<Statement> statements = AllStatements();
  std::vector<std::string> shown;
  for (const auto& [key, amounts] : statements.back().usage.lines) {
    shown.push_back(absl::StrCat(std::string(NameOf(key.kind)), " ", key.month, " ",
                                 key.corrects_month, " ", amounts.cost_nano_usd));
  }
  // April begins in March of UTC, so it is cut, too.
  EXPECT_THAT(shown,
              ElementsAre("usage 2026-06  3000000", "late 2026-05  3000000",
                          "correction 2026-05 2026-03 -13", "correction 2026-06 2026-04 -11"));
  // What is there of whole months has been billed, all of it and once.
  Naive billed = BilledSums(statements), ledger = NaiveSums(lines(), zone);
  const auto cut = [](const auto& each) { return std::get<0>(each.first) < "2026-05"; };
  std::erase_if(billed, cut);
  std::erase_if(ledger, cut);
  ExpectSame(billed, ledger);
  for (const Statement& each : statements) EXPECT_GE(each.totals.late_nano_usd, 0);
}

TEST_P(StatementStoreTest, LateUsageOfTheMonthBehindTheDroppedOne) {
  const auto noon = [](int month) { return At(absl::CivilSecond(2026, month, 15, 12)); };
  for (int month = 6; month <= 8; ++month) {
    ledger_.Write({ChargeAt(noon(month))});
    MustClose(absl::CivilMonth(2026, month));
  }
  Drop({40, 40, 60, true}, At(absl::CivilSecond(2026, 8, 29)));
  ASSERT_EQ(Count("SELECT MIN(occurred_at_us) FROM ledger_entries"), noon(7));
  ledger_.Write({ChargeAt(noon(6) + 1), ChargeAt(noon(7) + 1), ChargeAt(noon(9))});
  const CloseResult september = MustClose(absl::CivilMonth(2026, 9));
  ASSERT_EQ(september.statements.size(), 1u);
  EXPECT_EQ(september.statements[0].totals.usage_nano_usd, 3'000'000);
  EXPECT_EQ(september.statements[0].totals.late_nano_usd, 3'000'000);
  // Once.
  ledger_.Write({ChargeAt(noon(10))});
  EXPECT_EQ(MustClose(absl::CivilMonth(2026, 10)).statements[0].totals.late_nano_usd, 0);
  Drop({40, 40, 60, true}, At(absl::CivilSecond(2026, 10, 29)));
  ledger_.Write({ChargeAt(noon(7) + 2), ChargeAt(noon(11))});
  EXPECT_EQ(MustClose(absl::CivilMonth(2026, 11)).statements[0].totals.total_nano_usd, 3'000'000);
}

TEST_P(StatementStoreTest, AMonthThatHasLostDataIsNotClosedAndHoldsNobodyUp) {
  const auto noon = [](int month) { return At(absl::CivilSecond(2026, month, 15, 12)); };
  for (int month = 6; month <= 9; ++month) ledger_.Write({ChargeAt(noon(month))});
  MustClose(absl::CivilMonth(2026, 6));
  Drop({30, 0, 0, true}, At(absl::CivilSecond(2026, 9, 20)));  // up to August
  for (const absl::Status& status :
       {Close(absl::CivilMonth(2026, 7)).status(),
        PreviewMonth(*db_, Query(absl::CivilMonth(2026, 7))).status()}) {
    EXPECT_TRUE(absl::IsOutOfRange(status)) << status;
    EXPECT_EQ(ReasonOf(status), "DATA_DROPPED");
    EXPECT_EQ(MetadataOf(status)["available_from_time"], "2026-08-01T00:00:00Z");
  }
  // August is whole and has usage: it comes before September. July can not, so it need not.
  EXPECT_EQ(MetadataOf(Close(absl::CivilMonth(2026, 9)).status())["month"], "2026-08");
  EXPECT_EQ(MustClose(absl::CivilMonth(2026, 8)).statements[0].totals.total_nano_usd, 3'000'000);
  EXPECT_EQ(MustClose(absl::CivilMonth(2026, 9)).statements[0].totals.total_nano_usd, 3'000'000);
}

// PostgreSQL drops a month from all snapshots at once: what is kept is read after the close has
// waited for that, not before.
TEST_P(StatementStoreTest, AMonthThatIsDroppedWhileACloseBeginsIsNotBilledByHalf) {
  ledger_.Write({ChargeAt(At(absl::CivilSecond(2026, 8, 5)))});
  absl::Status closed;
  const auto close = [&] { closed = Close(absl::CivilMonth(2026, 8)).status(); };
  std::thread closing;
  {
    const auto dropping = db_->Begin();
    ASSERT_TRUE(dropping.ok()) << dropping.status();
    if (postgres()) {
      ASSERT_TRUE((*dropping)->RunScript({"drop", "LOCK TABLE ledger_entries"}).ok());
      closing = std::thread(close);
      EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] {
        return Count("SELECT COUNT(*) FROM pg_locks WHERE NOT granted") > 0;
      }));
    }
    for (const char* sql : {"DELETE FROM ledger_entries", "DELETE FROM rollup_day",
                            "INSERT INTO ledger_kept VALUES ('entries', 1788220800000000)"}) {
      EXPECT_TRUE((*dropping)->Execute({"drop", sql}).ok()) << sql;
    }
    EXPECT_TRUE((*dropping)->Commit().ok());
  }
  if (!postgres()) closing = std::thread(close);
  closing.join();
  EXPECT_EQ(ReasonOf(closed), "DATA_DROPPED") << closed;
}

TEST_P(StatementStoreTest, RowsThatSomebodyTookAwayAreNotTakenBack) {
  const int64_t august = At(absl::CivilSecond(2026, 8, 3));
  ledger_.Write({ChargeAt(august), ChargeAt(august + 86'400'000'000)});
  MustClose(absl::CivilMonth(2026, 8));
  Must("DELETE FROM rollup_day");
  Must("DELETE FROM rollup_hour");
  ledger_.Write({ChargeAt(august + 5), ChargeAt(At(absl::CivilSecond(2026, 9, 5)))});
  const CloseResult september = MustClose(absl::CivilMonth(2026, 9));
  EXPECT_EQ(september.statements[0].totals.total_nano_usd, 3'000'000);
  EXPECT_EQ(september.statements[0].totals.late_nano_usd, 0);
}

TEST_P(StatementStoreTest, RefusalsAreNoUsage) {
  for (const char* name : {"UTC", "Asia/Kolkata"}) {
    const absl::TimeZone zone = ZoneOf(name);
    const std::string org = absl::StrCat("org/", name);
    const auto refused = [&](int month, const std::string& team) {
      RefusalBatch batch{absl::StrCat(team, "/", month), org, {}};
      // In the middle, and in the first and the last minute, which are read from the entries.
      const Range range = MonthRange(absl::CivilMonth(2026, month), zone);
      for (const int64_t at_us :
           {range.from_us, range.from_us + 1'000'000'000'000, range.to_us - 60'000'000}) {
        batch.lines.push_back(
            {{org, team, "p", absl::StrCat(team, "-user"), "", "nope", {}}, at_us, 7});
      }
      return batch;
    };
    SettledCharge charge = ChargeAt(At(absl::CivilSecond(2026, 8, 5), zone));
    charge.charge.subject.org = org;
    ledger_.Write({charge});
    ledger_.Write(std::vector{refused(8, "search"), refused(8, "growth"), refused(9, "search")});
    MonthQuery query = Query(absl::CivilMonth(2026, 8), zone);
    query.org = org;
    query.rules.seat_fees = {{"Seat", 5, {}, true}};
    const auto close = [&](int month) {
      query.month = absl::CivilMonth(2026, month);
      const auto closed =
          CloseMonth(*db_, query, MonthName(query.month), MonthRange(query.month, zone).to_us);
      EXPECT_TRUE(closed.ok()) << closed.status();
      return closed.value_or(CloseResult());
    };
    const CloseResult august = close(8);
    ASSERT_EQ(august.statements.size(), 1u) << "growth used nothing";
    EXPECT_EQ(august.statements[0].active_users, 1);
    const auto document = StoredDocument(*db_, org, 1);
    ASSERT_TRUE(document.ok());
    const auto statement = ParseStatement(*document);
    ASSERT_TRUE(statement.ok());
    EXPECT_EQ(statement->usage.lines.size(), 1u);
    EXPECT_EQ(statement->usage.by_model.size(), 1u);
    // September has refusals alone: it may be left out, and it makes no statement.
    EXPECT_THAT(close(10).statements, IsEmpty()) << name;
  }
}

// Anybody can be refused for any number of models: no month may become too large to close by it.
TEST_P(StatementStoreTest, AnyNumberOfRefusalsIsNoLine) {
  const int64_t at_us = At(absl::CivilSecond(2026, 8, 5));
  ledger_.Write({ChargeAt(at_us)});
  const int64_t day_us = at_us - at_us % 86'400'000'000;
  Must(
      absl::StrCat("INSERT INTO rollup_day (org, bucket_us, cost_center, team, project, "
                   "user_name, model, meter, quantity, cost_nano_usd, requests, "
                   "overrun_nano_usd, denied) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT "
                   "i + 1 FROM n WHERE i <= ",
                   kMaxSums, ") SELECT 'acme', ", day_us,
                   ", '', '', '', '', 'm' || i, '', 0, 0, 0, 0, 1 FROM n"));
  const CloseResult august = MustClose(absl::CivilMonth(2026, 8));
  ASSERT_EQ(august.statements.size(), 1u);
  EXPECT_EQ(august.statements[0].totals.total_nano_usd, 3'000'000);
}

TEST_P(StatementStoreTest, WhatCannotBeClosed) {
  const absl::TimeZone berlin = ZoneOf("Europe/Berlin");
  const MonthQuery october = Query(absl::CivilMonth(2026, 10), berlin);
  const int64_t end = MonthRange(october.month, berlin).to_us;
  EXPECT_EQ(ReasonOf(CloseMonth(*db_, october, "a", end - 1).status()), "MONTH_OPEN");
  const auto closed = CloseMonth(*db_, october, "a", end);
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_THAT(closed->statements, IsEmpty());
  EXPECT_EQ(ReasonOf(CloseMonth(*db_, october, "b", end + 1).status()), "MONTH_CLOSED");
  EXPECT_EQ(ReasonOf(PreviewMonth(*db_, october).status()), "MONTH_CLOSED");
  EXPECT_EQ(ReasonOf(Close(absl::CivilMonth(2026, 9), berlin).status()), "LATER_MONTH_CLOSED");
  EXPECT_EQ(ReasonOf(Close(absl::CivilMonth(2026, 11)).status()), "TIME_ZONE_FIXED");
  ledger_.Write({ChargeAt(At(absl::CivilSecond(2026, 12, 24)))});
  const absl::Status skipping = Close(absl::CivilMonth(2027, 1), berlin).status();
  EXPECT_EQ(ReasonOf(skipping), "EARLIER_MONTH_OPEN");
  EXPECT_EQ(MetadataOf(skipping), (std::map<std::string, std::string>{{"month", "2026-12"}}));
  EXPECT_TRUE(absl::IsFailedPrecondition(skipping));
  MustClose(absl::CivilMonth(2026, 12), berlin);  // November had no usage
  EXPECT_EQ(ReasonOf(Close(absl::CivilMonth(2026, 11), berlin).status()), "LATER_MONTH_CLOSED");
}

TEST_P(StatementStoreTest, TheSameCloseAgainIsTheStoredOne) {
  ledger_.Write({ChargeAt(At(absl::CivilSecond(2026, 10, 5)))});
  const CloseResult first = MustClose(absl::CivilMonth(2026, 10));
  ledger_.Write({ChargeAt(At(absl::CivilSecond(2026, 10, 6)))});
  const auto again = CloseMonth(*db_, Query(absl::CivilMonth(2026, 10)), "2026-10", 0);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->closed_at_us, first.closed_at_us);
  ASSERT_EQ(again->statements.size(), 1u);
  EXPECT_EQ(again->statements[0].totals, first.statements[0].totals);
  rules_.markup_millionths = 1;
  const absl::Status other = Close(absl::CivilMonth(2026, 10)).status();
  EXPECT_TRUE(absl::IsAlreadyExists(other)) << other;
  EXPECT_EQ(ReasonOf(other), "REQUEST_MISMATCH");
  rules_ = {};
  EXPECT_EQ(ReasonOf(Close(absl::CivilMonth(2026, 11), absl::UTCTimeZone(), "2026-10").status()),
            "REQUEST_MISMATCH");
}

TEST_P(StatementStoreTest, OfTwoClosesAtOnceOneWins) {
  for (absl::CivilMonth month(2026, 1); month <= absl::CivilMonth(2026, 8); ++month) {
    const int64_t at = At(absl::CivilSecond(absl::CivilDay(month) + 3));
    ledger_.Write({ChargeAt(at), ChargeAt(at, "growth"), ChargeAt(at, "")});
    std::barrier start(3);
    std::vector<absl::Status> ends(3);
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < ends.size(); ++i) {
        threads.emplace_back([&, i] {
          start.arrive_and_wait();
          ends[i] =
              Close(month, absl::UTCTimeZone(), absl::StrCat(MonthName(month), "/", i)).status();
        });
      }
    }
    int won = 0;
    for (const absl::Status& end : ends) {
      won += end.ok() ? 1 : 0;
      if (!end.ok()) {
        EXPECT_EQ(ReasonOf(end), "MONTH_CLOSED") << end;
      }
    }
    EXPECT_EQ(won, 1) << MonthName(month);
  }
  const std::vector<Statement> statements = AllStatements();
  ASSERT_EQ(statements.size(), 8u * 3);
  for (size_t i = 0; i < statements.size(); ++i) {
    EXPECT_EQ(statements[i].number, static_cast<int64_t>(i) + 1);
  }
  ExpectSame(BilledSums(statements), NaiveSums(lines(), absl::UTCTimeZone()));
}

TEST_P(StatementStoreTest, TheSameCloseTwiceAtOnceIsOne) {
  ledger_.Write({ChargeAt(At(absl::CivilSecond(2026, 10, 5)))});
  std::barrier start(2);
  const auto close = [&] {
    start.arrive_and_wait();
    const auto result = Close(absl::CivilMonth(2026, 10));
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->statements.size(), 1u);
  };
  {
    const std::jthread one(close);
    const std::jthread other(close);
  }
  EXPECT_EQ(AllStatements().size(), 1u);
}

TEST_P(StatementStoreTest, APreviewStoresNothing) {
  ledger_.Write({ChargeAt(At(absl::CivilSecond(2026, 10, 5)))});
  const auto preview = PreviewMonth(*db_, Query(absl::CivilMonth(2026, 10)));
  ASSERT_TRUE(preview.ok()) << preview.status();
  ASSERT_EQ(preview->size(), 1u);
  EXPECT_TRUE((*preview)[0].head.preview());
  EXPECT_EQ((*preview)[0].number, 0);
  EXPECT_THAT(AllStatements(), IsEmpty());
  const CloseResult closed = MustClose(absl::CivilMonth(2026, 10));
  EXPECT_EQ(closed.statements[0].totals, (*preview)[0].totals);
}

TEST_P(StatementStoreTest, StatementsAreFinal) {
  ledger_.Write({ChargeAt(At(absl::CivilSecond(2026, 10, 5)))});
  MustClose(absl::CivilMonth(2026, 10));
  for (const char* table :
       {"statement_closes", "statements", "statement_lines", "statement_days"}) {
    const std::string update = absl::StrCat("UPDATE ", table, " SET org = 'other'");
    EXPECT_FALSE(db_->Execute({"update", update}).ok()) << table;
    EXPECT_FALSE(db_->Execute({"delete", absl::StrCat("DELETE FROM ", table)}).ok()) << table;
  }
  EXPECT_EQ(AllStatements().size(), 1u);
  EXPECT_EQ(ReasonOf(StoredDocument(*db_, "acme", 2).status()), "STATEMENT_UNKNOWN");
  EXPECT_EQ(ReasonOf(StoredDocument(*db_, "other", 1).status()), "STATEMENT_UNKNOWN");
}

TEST_P(StatementStoreTest, AChangedDocumentIsNotHandedOut) {
  Must(
      "INSERT INTO statements VALUES ('acme', 1, '2026-10', '', 0, 0, 0, 0, 0, 0, 0, 0, 'USD', 0, "
      "'{}', " +
      std::string(postgres() ? "decode('00', 'hex')" : "x'00'") + ")");
  EXPECT_TRUE(absl::IsDataLoss(StoredDocument(*db_, "acme", 1).status()));
}

TEST_P(StatementStoreTest, ListsByMonthAndCostCenter) {
  for (int month = 8; month <= 10; ++month) {
    const int64_t at = At(absl::CivilSecond(2026, month, 5));
    ledger_.Write({ChargeAt(at), ChargeAt(at, "growth"), ChargeAt(at, "")});
    MustClose(absl::CivilMonth(2026, month));
  }
  const auto numbers = [&](const StatementFilter& filter, int64_t after = 0, size_t count = 99) {
    std::vector<int64_t> all;
    const auto listed = ListStatements(*db_, filter, after, count);
    EXPECT_TRUE(listed.ok()) << listed.status();
    for (const StatementSummary& each : *listed) all.push_back(each.number);
    return all;
  };
  EXPECT_THAT(numbers({"acme", {}, {}}), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(numbers({"acme", {}, {}}, 4, 2), ElementsAre(5, 6));
  EXPECT_THAT(numbers({"acme", "2026-09", {}}), ElementsAre(4, 5, 6));
  EXPECT_THAT(numbers({"acme", {}, ""}), ElementsAre(1, 4, 7));
  EXPECT_THAT(numbers({"acme", "2026-10", "cc-search"}), ElementsAre(9));
  EXPECT_THAT(numbers({"initech", {}, {}}), IsEmpty());
}

}  // namespace
}  // namespace quotaplane::reports
