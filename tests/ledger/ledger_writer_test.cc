// What the writer leaves in the database: every charge once, in entries and rollups alike.
#include <thread>

#include "tests/ledger/ledger_fixture.h"

namespace quotaplane {
namespace {

class LedgerWriterTest : public LedgerTest {};
QP_OVER_BOTH_DATABASES(LedgerWriterTest);

TEST_P(LedgerWriterTest, AnEntrySaysEverything) {
  SettledCharge charge = SettledOf(1);
  charge.settlement.late = true;
  charge.charge.spooled_at_us = 5;
  const auto written = writer_.Write({&charge, 1}, kMonthEndUs + 9);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->charges, 1);
  EXPECT_EQ(written->entries, 3);
  EXPECT_EQ(written->duplicates, 0);
  const auto rows = db_->Query(
      {"entries",
       "SELECT line, kind, org, reservation_id, occurred_at_us, recorded_at_us, attempt, model, "
       "subject_model, priced_as, service_tier, meter, quantity, unit_price_nano_per_million, "
       "cost_nano_usd, price_version, team, project, user_name, api_key, labels, cost_center, "
       "held_nano_usd, overrun_nano_usd, late, unreserved, recorded, unpriced, spooled "
       "FROM ledger_entries ORDER BY line"});
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 3u);
  const auto expect = [&](size_t row, std::vector<sql::Value> want) {
    ASSERT_EQ((*rows)[row].size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_TRUE((*rows)[row][i] == want[i]) << "row " << row << " column " << i;
    }
  };
  const char* labels = R"({"agent":"say \"hi\"","session":"s1"})";
  expect(0, {0,
             "usage",
             "acme",
             "r1",
             kMonthEndUs,
             kMonthEndUs + 9,
             0,
             "big",
             "big",
             "",
             "standard",
             "input",
             101,
             3'000'000'000,
             303,
             "2026-03-01",
             "search",
             "p1",
             "u1",
             "k1",
             labels,
             "cc-search",
             1'000,
             7,
             1,
             0,
             0,
             0,
             1});
  expect(2, {2,
             "usage",
             "acme",
             "r1",
             kMonthEndUs,
             kMonthEndUs + 9,
             1,
             "small",
             "big",
             "big",
             "batch",
             "output",
             5,
             5'000'000'000,
             25,
             "2026-03-01",
             "search",
             "p1",
             "u1",
             "k1",
             labels,
             "cc-search",
             0,
             0,
             1,
             0,
             0,
             1,
             1});
  ExpectRollupsAgree();
}

TEST_P(LedgerWriterTest, WhatComesTwiceCountsOnce) {
  std::vector<SettledCharge> charges;
  for (int i = 0; i < 50; ++i) charges.push_back(SettledOf(i));
  charges.push_back(SettledOf(7));  // twice in one batch
  auto written = writer_.Write(charges, 1);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->charges, 50);
  EXPECT_EQ(written->duplicates, 1);
  // Again, at other times, among new ones: the first writing counts.
  for (SettledCharge& charge : charges) charge.settlement.occurred_at_us += 40'000'000'000;
  for (int i = 50; i < 60; ++i) charges.push_back(SettledOf(i));
  written = writer_.Write(charges, 2);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->charges, 10);
  EXPECT_EQ(written->duplicates, 51);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries"), 180);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries WHERE recorded_at_us = 2"), 30);
  ExpectRollupsAgree();
}

TEST_P(LedgerWriterTest, IdsAreTheOrgsOwn) {
  std::vector<SettledCharge> charges = {SettledOf(1), SettledOf(1)};
  charges[1].charge.subject.org = "initech";
  EXPECT_EQ(writer_.Write(charges, 1)->charges, 2);
}

TEST_P(LedgerWriterTest, AChargeWithoutUsageIsARequest) {
  SettledCharge charge = SettledOf(1);
  charge.charge.lines.clear();
  ASSERT_TRUE(writer_.Write({&charge, 1}, 1).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries WHERE meter = '' AND model = 'big'"), 1);
  EXPECT_EQ(Count("SELECT SUM(requests) FROM rollup_day"), 1);
}

TEST_P(LedgerWriterTest, MonthsAndHoursEndInUtc) {
  const std::vector<SettledCharge> charges = {SettledOf(1), SettledOf(2, kMonthEndUs + 499'999),
                                              SettledOf(3, kMonthEndUs + 500'000),
                                              SettledOf(4, kMonthEndUs + 4'000'000'000)};
  ASSERT_TRUE(writer_.Write(charges, 1).ok());
  EXPECT_EQ(Count("SELECT COUNT(DISTINCT bucket_us) FROM rollup_day"), 2);
  EXPECT_EQ(Count("SELECT COUNT(DISTINCT bucket_us) FROM rollup_hour"), 3);
  EXPECT_EQ(Count("SELECT SUM(requests) FROM rollup_day WHERE bucket_us = 1774915200000000"), 2);
  EXPECT_EQ(Count("SELECT SUM(requests) FROM rollup_hour WHERE bucket_us = 1775001600000000"), 1);
  if (postgres()) {
    EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries_2026_03"), 6);
    EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries_2026_04"), 6);
    EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries_default"), 0);
  }
  ExpectRollupsAgree();
}

TEST_P(LedgerWriterTest, AllOrNothing) {
  std::vector<SettledCharge> charges = {SettledOf(1), SettledOf(2)};
  charges[1].charge.subject.user = std::string("nul\0", 4);  // no database takes it as text
  EXPECT_FALSE(writer_.Write(charges, 1).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_keys"), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM rollup_hour"), 0);
}

TEST_P(LedgerWriterTest, ManyAtOnceWriteTheSameOnce) {
  std::vector<SettledCharge> charges;
  for (int i = 0; i < 400; ++i) charges.push_back(SettledOf(i, kMonthEndUs + i * 1'000));
  std::atomic<int64_t> written = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int from = 0; from < 400; from += 50) {
        // Each in another order, so that they meet.
        const int at = (from + 100 * thread) % 400;
        absl::StatusOr<WriteResult> result;
        do {
          result = writer_.Write(std::span(charges).subspan(at, 50), 1);
        } while (absl::IsAborted(result.status()) || absl::IsUnavailable(result.status()));
        ASSERT_TRUE(result.ok()) << result.status();
        written += result->charges;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(written, 400);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries"), 1200);
  ExpectRollupsAgree();
}

}  // namespace
}  // namespace quotaplane
