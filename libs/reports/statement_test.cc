// Statements from usage and rules, and their documents.
#include "libs/reports/statement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "libs/base/error.h"
#include "libs/reports/statement_json.h"
#include "libs/reports/statement_late.h"
#include "libs/reports/statement_testing.h"

namespace quotaplane::reports {
namespace {

using ::testing::HasSubstr;

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

int64_t HoursOf(absl::CivilMonth month, const char* zone) {
  const Range range = MonthRange(month, Zone(zone));
  EXPECT_EQ((range.to_us - range.from_us) % 1'800'000'000, 0);
  return (range.to_us - range.from_us) / 3'600'000'000;
}

TEST(MonthRange, IsFromMidnightToMidnightOfTheZone) {
  EXPECT_EQ(HoursOf(absl::CivilMonth(2026, 10), "UTC"), 744);
  EXPECT_EQ(HoursOf(absl::CivilMonth(2026, 10), "Europe/Berlin"), 745);
  EXPECT_EQ(HoursOf(absl::CivilMonth(2026, 3), "Europe/Berlin"), 743);
  EXPECT_EQ(HoursOf(absl::CivilMonth(2026, 11), "America/New_York"), 721);
  EXPECT_EQ(HoursOf(absl::CivilMonth(2026, 10), "Asia/Kolkata"), 744);
  EXPECT_EQ(HoursOf(absl::CivilMonth(2026, 2), "Europe/Berlin"), 28 * 24);
  EXPECT_EQ(HoursOf(absl::CivilMonth(2028, 2), "Europe/Berlin"), 29 * 24);
  const Range berlin = MonthRange(absl::CivilMonth(2026, 10), Zone("Europe/Berlin"));
  EXPECT_EQ(berlin.from_us, 1'790'805'600'000'000);  // 2026-09-30T22:00Z
  EXPECT_EQ(berlin.to_us, 1'793'487'600'000'000);    // 2026-10-31T23:00Z
  EXPECT_EQ(MonthAt(berlin.from_us, Zone("Europe/Berlin")), absl::CivilMonth(2026, 10));
  EXPECT_EQ(MonthAt(berlin.to_us, Zone("Europe/Berlin")), absl::CivilMonth(2026, 11));
}

TEST(MonthName, IsReadBackAndNothingElseIs) {
  EXPECT_EQ(MonthName(absl::CivilMonth(2026, 1)), "2026-01");
  EXPECT_EQ(ParseMonthName("2026-12"), absl::CivilMonth(2026, 12));
  for (const char* text : {"", "2026", "2026-1", "2026-13", "2026-00", "26-10", "2026-10-01",
                           " 2026-10", "1999-12", "2200-01", "2026-1a"}) {
    EXPECT_FALSE(ParseMonthName(text).has_value()) << text;
  }
}

std::vector<Statement> Make(std::map<std::string, CenterUsage> usage,
                            const ChargebackRules& rules) {
  auto statements = MakeStatements(TestHead(), std::move(usage), rules, 7);
  EXPECT_TRUE(statements.ok()) << statements.status();
  return statements.ok() ? *std::move(statements) : std::vector<Statement>();
}

CenterUsage Used(int64_t cost, int64_t users = 0) {
  CenterUsage usage;
  usage.lines[UsageLine("search", "big")] = {1, cost, 1, 0};
  usage.active_users = users;
  return usage;
}

TEST(MakeStatements, OneForEachCostCenterAlsoForWhatHasNone) {
  const auto statements = Make({{"", Used(5)}, {"R-2", Used(7)}, {"R-1", Used(9)}}, {});
  ASSERT_EQ(statements.size(), 3u);
  EXPECT_EQ(statements[0].cost_center, "");
  EXPECT_EQ(statements[0].number, 7);
  EXPECT_EQ(statements[1].cost_center, "R-1");
  EXPECT_EQ(statements[2].number, 9);
  EXPECT_EQ(statements[2].totals.total_nano_usd, 7);
  EXPECT_EQ(StatementName(statements[2]), "2026-10-0009");
  EXPECT_TRUE(Make({}, {}).empty());
}

TEST(MakeStatements, KindsAreSummedApart) {
  CenterUsage usage = Used(100);
  LineKey late = UsageLine("search", "big");
  late.kind = LineKind::kLate;
  late.month = "2026-08";
  usage.lines[late] = {1, 30, 1, 0};
  LineKey correction = UsageLine("search", "big");
  correction.kind = LineKind::kCorrection;
  correction.corrects_month = "2026-09";
  usage.lines[correction] = {-1, -50, 0, 0};
  const Totals totals = Make({{"R-1", usage}}, {})[0].totals;
  EXPECT_EQ(totals.usage_nano_usd, 100);
  EXPECT_EQ(totals.late_nano_usd, 30);
  EXPECT_EQ(totals.corrections_nano_usd, -50);
  EXPECT_EQ(totals.total_nano_usd, 80);
}

TEST(MakeStatements, SeatFeesByNumberAndByUsers) {
  ChargebackRules rules;
  rules.seat_fees = {{"Platform", 1'000, {{"R-1", 3}, {"R-9", 2}, {"R-0", 0}}, false},
                     {"Editor", 500, {}, true}};
  const auto statements = Make({{"R-1", Used(10, 4)}, {"R-2", Used(10)}}, rules);
  ASSERT_EQ(statements.size(), 3u) << "who has seats has a statement; who has none has not";
  EXPECT_EQ(statements[0].totals.seat_fees_nano_usd, 3 * 1'000 + 4 * 500);
  EXPECT_EQ(statements[0].seat_fees,
            (std::vector<SeatCharge>{{"Platform", 3, 1'000, 3'000}, {"Editor", 4, 500, 2'000}}));
  EXPECT_EQ(statements[1].totals.seat_fees_nano_usd, 0);
  EXPECT_EQ(statements[2].cost_center, "R-9");
  EXPECT_EQ(statements[2].totals.total_nano_usd, 2'000);
}

std::vector<int64_t> SharesOf(const std::vector<Statement>& statements) {
  std::vector<int64_t> shares;
  for (const Statement& each : statements) shares.push_back(each.totals.shared_costs_nano_usd);
  return shares;
}

TEST(MakeStatements, SharedCostsAddUp) {
  const std::map<std::string, CenterUsage> usage = {
      {"", Used(10)}, {"R-1", Used(20)}, {"R-2", Used(40)}};
  ChargebackRules rules;
  rules.shared_costs = {{"Gateway", 100, Allocation::kEven, {}}};
  EXPECT_EQ(SharesOf(Make(usage, rules)), (std::vector<int64_t>{34, 33, 33}));
  rules.shared_costs[0].allocation = Allocation::kByUsage;
  EXPECT_EQ(SharesOf(Make(usage, rules)), (std::vector<int64_t>{14, 29, 57}));
  rules.shared_costs[0].allocation = Allocation::kByWeight;
  rules.shared_costs[0].weights = {{"R-2", 1}, {"R-7", 3}};
  EXPECT_EQ(SharesOf(Make(usage, rules)), (std::vector<int64_t>{0, 0, 25, 75}));
}

TEST(MakeStatements, SharedCostsOfAMonthWithoutUsageAreSomebodys) {
  ChargebackRules rules;
  rules.shared_costs = {{"Gateway", 101, Allocation::kByUsage, {}}};
  const auto alone = Make({}, rules);
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_EQ(alone[0].cost_center, "");
  EXPECT_EQ(alone[0].totals.total_nano_usd, 101);
  EXPECT_EQ(SharesOf(Make({{"R-1", Used(0)}, {"R-2", Used(-5)}}, rules)),
            (std::vector<int64_t>{51, 50}))
      << "where nobody used anything, evenly";
}

TEST(MakeStatements, MarkupIsOfUsageAlone) {
  ChargebackRules rules;
  rules.markup_millionths = 50'000;
  rules.markup_by_cost_center = {{"R-2", -100'000}, {"R-3", 0}};
  rules.seat_fees = {{"Seat", 1'000, {{"R-1", 1}}, false}};
  const auto statements = Make({{"R-1", Used(110)}, {"R-2", Used(110)}, {"R-3", Used(110)}}, rules);
  EXPECT_EQ(statements[0].totals.markup_nano_usd, 6) << "5.5, rounded away from zero";
  EXPECT_EQ(statements[0].totals.total_nano_usd, 1'116);
  EXPECT_EQ(statements[1].totals.markup_nano_usd, -11);
  EXPECT_EQ(statements[2].totals.markup_nano_usd, 0);
}

TEST(MakeStatements, TheAmountDueIsInTheCurrency) {
  ChargebackRules rules;
  rules.currency = {"EUR", 920'000'000, 2};
  EXPECT_EQ(Make({{"R-1", Used(1'234'567'890)}}, rules)[0].totals.due_nano, 1'140'000'000);
  rules.currency = {"JPY", 151'250'000'000, 0};
  EXPECT_EQ(Make({{"R-1", Used(1'234'567'890)}}, rules)[0].totals.due_nano, 187'000'000'000);
}

TEST(MakeStatements, WhatDoesNotFitIsAnError) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  ChargebackRules rules;
  rules.markup_millionths = 1;
  EXPECT_TRUE(
      absl::IsOutOfRange(MakeStatements(TestHead(), {{"R-1", Used(kMax)}}, rules, 1).status()));
  rules = {};
  rules.seat_fees = {{"Seat", kMaxFeeNanoUsd, {{"R-1", kMaxSeats}}, false}};
  EXPECT_TRUE(absl::IsOutOfRange(MakeStatements(TestHead(), {}, rules, 1).status()));
}

TEST(MakeStatements, ThereIsABound) {
  std::map<std::string, CenterUsage> usage;
  for (size_t i = 0; i <= kMaxStatements; ++i) usage[std::to_string(i)];
  const auto statements = MakeStatements(TestHead(), std::move(usage), {}, 1);
  EXPECT_TRUE(absl::IsResourceExhausted(statements.status()));
  EXPECT_EQ(ReasonOf(statements.status()), "REPORT_TOO_LARGE");
}

TEST(StatementJson, IsCanonicalAndReadBack) {
  const Statement statement = TestStatement();
  const std::string json = StatementJson(statement);
  EXPECT_THAT(json, HasSubstr(R"({"active_users":"12","closed_time":"2026-11-02T08:00:00.000000Z",)"
                              R"("cost_center":"R-100 \"the\" <b>&amp;</b>",)"));
  EXPECT_THAT(json,
              HasSubstr(R"("format":"quotaplane-statement-1","from_time":"2026-09-30T22:00)"));
  EXPECT_THAT(json, HasSubstr(R"("preview":false)"));
  const absl::StatusOr<Statement> again = ParseStatement(json);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(StatementJson(*again), json);
  EXPECT_EQ(again->usage.lines, statement.usage.lines);
  EXPECT_EQ(again->usage.by_team, statement.usage.by_team);
  EXPECT_EQ(again->seat_fees, statement.seat_fees);
  EXPECT_EQ(again->shared_costs, statement.shared_costs);
  EXPECT_EQ(again->totals, statement.totals);
  EXPECT_EQ(again->currency, statement.currency);
}

TEST(StatementJson, WhatIsDamagedIsSaid) {
  std::string json = StatementJson(TestStatement());
  for (const char* text : {"", "{}", "[]", "nonsense", "{\"format\":\"quotaplane-statement-2\"}"}) {
    EXPECT_TRUE(absl::IsDataLoss(ParseStatement(text).status())) << text;
  }
  for (const auto& [from, to] : {std::pair("\"totals\"", "\"total\""),
                                 {"\"kind\":\"usage\"", "\"kind\":\"use\""},
                                 {"\"quantity\":\"", "\"quantity\":\"x"}}) {
    std::string broken = json;
    const size_t at = broken.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    broken.replace(at, std::string(from).size(), to);
    EXPECT_TRUE(absl::IsDataLoss(ParseStatement(broken).status())) << from;
  }
}

TEST(RulesJson, IsReadBack) {
  const ChargebackRules rules = TestRules();
  const absl::StatusOr<ChargebackRules> again = ParseRules(RulesJson(rules));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, rules);
  EXPECT_TRUE(absl::IsDataLoss(ParseRules("{}").status()));
}

LineKey CorrectionOf(std::string month) {
  LineKey key = UsageLine("search", "big");
  key.kind = LineKind::kCorrection;
  key.corrects_month = std::move(month);
  return key;
}

TEST(Owed, IsWhatTheLedgerHasBeyondWhatWasBilled) {
  const CenterLines ledger = {{"R-1",
                               {{UsageLine("a", "m"), {10, 100, 2, 0}},
                                {UsageLine("b", "m"), {5, 50, 1, 0}},
                                {CorrectionOf("2026-08"), {0, -7, 0, 0}}}}};
  const CenterLines billed = {
      {"R-1", {{UsageLine("a", "m"), {6, 60, 1, 0}}, {UsageLine("b", "m"), {5, 50, 1, 0}}}}};
  LineKey late = UsageLine("a", "m");
  late.kind = LineKind::kLate;
  const auto owed = Owed(ledger, billed);
  ASSERT_TRUE(owed.ok()) << owed.status();
  EXPECT_EQ(
      *owed,
      (CenterLines{{"R-1", {{late, {4, 40, 1, 0}}, {CorrectionOf("2026-08"), {0, -7, 0, 0}}}}}));
}

TEST(Owed, NothingOfAMonthThatHasLostSomething) {
  const CenterLines billed = {{"R-1", {{UsageLine("a", "m"), {6, 60, 1, 0}}}}};
  const CenterLines ledger = {{"R-2", {{UsageLine("a", "m"), {9, 90, 1, 0}}}}};
  EXPECT_EQ(*Owed(ledger, billed), CenterLines());
}

}  // namespace
}  // namespace quotaplane::reports
