// Another price book's word about the past: the differences, once.
#include <thread>

#include "libs/base/error.h"
#include "libs/config/price_book_reader.h"
#include "libs/ledger/rerate.h"
#include "tests/ledger/books_fixture.h"

namespace quotaplane {
namespace {

constexpr int64_t kNowUs = kMonthEndUs + 1;

// As charged: 3 nano-USD for a unit of big's input, 1 and 5 for small's.
constexpr char kOld[] = R"(
version: old
models:
  - {model: big, from: 2026-01-01, usd_per_million: {input: 0.003}}
  - {model: small, from: 2026-01-01, usd_per_million: {input: 0.001, output: 0.005}}
)";
// Big costs twice as much, and three times with a prompt above 110.
constexpr char kNew[] = R"(
version: new
models:
  - model: big
    from: 2026-01-01
    usd_per_million: {input: 0.006}
    long_context: [{above_prompt_tokens: 110, usd_per_million: {input: 0.009}}]
)";

class ReraterTest : public BooksFixture {
 protected:
  ReraterTest() : rerater_(db_.get()) {}

  Snapshot Book(const char* text) {
    const auto book = ParsePriceBook(text, "prices.yaml");
    EXPECT_TRUE(book.ok()) << book.status();
    return {std::make_shared<const PolicySet>(policy_), *book};
  }
  static RerateRequest All() {
    RerateRequest request;
    request.org = "acme";
    request.from_us = kMonthEndUs - 1;
    request.to_us = kMonthEndUs + 10'000;
    request.reason = "the list price of March";
    request.actor = "finance";
    return request;
  }
  RerateReport MustRerate(const char* book, const RerateRequest& request = All()) {
    const auto report = rerater_.Rerate(request, Book(book), kNowUs);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(RerateReport{});
  }
  // Charges 1 to `count`, at a microsecond each.
  void WriteAll(int count) {
    std::vector<SettledCharge> charges;
    for (int i = 1; i <= count; ++i) charges.push_back(SettledOf(i, kMonthEndUs + i));
    ASSERT_TRUE(writer_.Write(charges, 1).ok());
  }
  int64_t Cost() {
    const int64_t cost = Count("SELECT SUM(cost_nano_usd) FROM ledger_entries");
    EXPECT_EQ(Count("SELECT SUM(cost_nano_usd) FROM rollup_hour"), cost);
    EXPECT_EQ(Count("SELECT SUM(cost_nano_usd) FROM rollup_day"), cost);
    return cost;
  }
  int64_t Corrections() {
    return Count("SELECT COUNT(*) FROM ledger_entries WHERE kind = 'correction'");
  }

  Rerater rerater_;
};
QP_OVER_BOTH_DATABASES(ReraterTest);

TEST_P(ReraterTest, WritesTheDifferencesOnceAndTakesThemBack) {
  WriteAll(5);
  const int64_t before = Cost();
  const int64_t big = 5 * 300 + 3 * (1 + 2 + 3 + 4 + 5);
  RerateRequest dry = All();
  dry.dry_run = true;
  dry.reason = "";
  const RerateReport look = MustRerate(kNew, dry);
  EXPECT_EQ(Corrections(), 0);
  const RerateReport done = MustRerate(kNew);
  for (const RerateReport& report : {look, done}) {
    EXPECT_EQ(report.charges, 5);
    EXPECT_EQ(report.adjusted, 0);
    EXPECT_EQ(report.unpriced, 10);  // small is not in the book
    EXPECT_EQ(report.total.entries, 15);
    EXPECT_EQ(report.total.changed, 5);
    EXPECT_EQ(report.total.before_nano_usd, before);
    EXPECT_EQ(report.total.after_nano_usd, before + big);
    EXPECT_EQ(report.by_model.at("big").before_nano_usd, big);
    EXPECT_EQ(report.by_model.at("big").after_nano_usd, 2 * big);
    EXPECT_EQ(report.by_model.at("small").changed, 0);
  }
  EXPECT_EQ(Corrections(), 5);
  EXPECT_EQ(Cost(), before + big);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries WHERE kind = 'correction' AND "
                  "price_version = 'new' AND unit_price_nano_per_million = 6000000 AND quantity = "
                  "0 AND corrected_by = 'rerating' AND reason = 'the list price of March'"),
            5);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_audit WHERE action = 'rerate'"), 1);
  // Again: nothing. By the old book: back. And there again.
  EXPECT_EQ(MustRerate(kNew).total.changed, 0);
  EXPECT_EQ(Corrections(), 5);
  EXPECT_EQ(MustRerate(kOld).total.changed, 5);
  EXPECT_EQ(Cost(), before);
  EXPECT_EQ(MustRerate(kNew).total.changed, 5);
  EXPECT_EQ(Cost(), before + big);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_audit WHERE action = 'rerate'"), 3);
}

TEST_P(ReraterTest, ALongPromptDecidesTheWholeAttempt) {
  WriteAll(12);
  MustRerate(kNew);
  // r10 has a prompt of 110, r11 one of 111.
  const auto cost_of = [&](const std::string& id) {
    return Count(
        "SELECT SUM(cost_nano_usd) FROM ledger_entries WHERE model = 'big' AND "
        "reservation_id = '" +
        id + "'");
  };
  EXPECT_EQ(cost_of("r10"), 6 * 110);
  EXPECT_EQ(cost_of("r11"), 9 * 111);
}

TEST_P(ReraterTest, ManyBatchesAndLiveCounters) {
  {
    const auto worker = Worker();
    for (int i = 1; i <= 450; ++i) Charge(ChargeOf(i));
    EXPECT_TRUE(Reaches(450));
  }
  RerateRequest request = All();
  request.to_us = kMonthEndUs + 1;
  const RerateReport report = MustRerate(kNew, request);
  EXPECT_EQ(report.charges, 450);
  EXPECT_EQ(report.total.changed, 450);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_moves"), 3);
  EXPECT_EQ(Apply(), 3);
  ExpectBalance();
  EXPECT_EQ(CounterOf("team-month", "{org=acme, team=search}"), Cost());
}

TEST_P(ReraterTest, TwoAtOnceWriteTheDifferencesOnce) {
  WriteAll(450);
  const int64_t before = Cost();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { MustRerate(kNew); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Corrections(), 450);
  int64_t expected = before;
  for (int i = 1; i <= 450; ++i) expected += (i > 10 ? 6 : 3) * (100 + i);
  EXPECT_EQ(Cost(), expected);
}

TEST_P(ReraterTest, WhatSomebodyAdjustedIsLeftAlone) {
  WriteAll(2);
  ASSERT_TRUE(TakeBack("a1", "r1", 100).ok());
  const RerateReport report = MustRerate(kNew);
  EXPECT_EQ(report.adjusted, 1);
  EXPECT_EQ(report.total.changed, 1);
  EXPECT_EQ(Count("SELECT SUM(cost_nano_usd) FROM ledger_entries WHERE reservation_id = 'r1'"),
            338 - 100);
}

TEST_P(ReraterTest, OnlyWhatIsAskedFor) {
  WriteAll(8);
  RerateRequest request = All();
  request.models = {"small"};
  EXPECT_EQ(MustRerate(kNew, request).total.changed, 0);
  request.models = {"big"};
  request.users = {"u1"};  // r1 and r8
  request.teams = {"search"};
  const RerateReport report = MustRerate(kNew, request);
  EXPECT_EQ(report.charges, 2);
  EXPECT_EQ(report.total.entries, 2);
  EXPECT_EQ(report.total.changed, 2);
  request.teams = {"ads"};
  EXPECT_EQ(MustRerate(kNew, request).charges, 0);
  request = All();
  request.from_us = kMonthEndUs + 3;
  request.to_us = kMonthEndUs + 5;
  EXPECT_EQ(MustRerate(kNew, request).charges, 2);  // r3 and r4
  request.org = "other";
  EXPECT_EQ(MustRerate(kNew, request).charges, 0);
}

TEST_P(ReraterTest, BadInputNamesTheField) {
  const auto field = [&](const RerateRequest& request) {
    const absl::Status status = rerater_.Rerate(request, Book(kNew), kNowUs).status();
    const auto violations = FieldViolationsOf(status);
    return violations.empty() ? status.ToString() : violations[0].field;
  };
  RerateRequest request = All();
  request.reason = "";
  EXPECT_EQ(field(request), "reason");
  request = All();
  request.to_us = request.from_us;
  EXPECT_EQ(field(request), "to");
  request = All();
  request.actor = "\x01";
  EXPECT_EQ(field(request), "actor");
  request = All();
  request.models = std::vector<std::string>(101, "m");
  EXPECT_EQ(field(request), "models");
  request.models = {""};
  EXPECT_EQ(field(request), "models");
}

}  // namespace
}  // namespace quotaplane
