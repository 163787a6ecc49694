#include "libs/reports/cost_center_spend.h"

#include <gtest/gtest.h>

#include "libs/ledger/retention.h"
#include "libs/reports/statement_store.h"
#include "tests/reports/reports_fixture.h"

namespace quotaplane::reports {
namespace {

constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;

class CostCenterSpendTest : public ReportsTest {
 protected:
  CostCenterSpend Read(int64_t now_us) {
    auto spend = ReadCostCenterSpend(*db_, "acme", now_us);
    EXPECT_TRUE(spend.ok()) << spend.status();
    return spend.value_or(CostCenterSpend());
  }
  // Line by line.
  std::map<std::string, int64_t> Naive(absl::CivilMonth month, absl::TimeZone zone) const {
    const Range range = MonthRange(month, zone);
    std::map<std::string, int64_t> sums;
    for (const Line& line : lines()) {
      if (line.denied > 0 || line.at_us < range.from_us || line.at_us >= range.to_us) continue;
      sums[line.cost_center] += line.cost_nano_usd;
    }
    return WithoutZeros(std::move(sums));
  }
  static std::map<std::string, int64_t> WithoutZeros(std::map<std::string, int64_t> sums) {
    std::erase_if(sums, [](const auto& one) { return one.second == 0; });
    return sums;
  }
};
QP_OVER_BOTH_DATABASES(CostCenterSpendTest);

TEST_P(CostCenterSpendTest, IsThatOfTheMonthUnderWayAndOfTheLastOneClosed) {
  ledger_.Fill(400, 7);
  const absl::TimeZone zone = ZoneOf("Asia/Kathmandu");
  const absl::CivilMonth last(2026, 6), present(2026, 7);
  const int64_t now_us = MonthRange(present, zone).from_us + 3 * kDayUs;
  CostCenterSpend spend = Read(now_us);
  EXPECT_EQ(WithoutZeros(spend.open), Naive(present, absl::UTCTimeZone()));
  EXPECT_TRUE(spend.closed.empty());
  EXPECT_EQ(spend.closed_month, "");
  EXPECT_FALSE(spend.open.empty());
  const auto closed = CloseMonth(*db_, {"acme", last, zone, {}}, "close-1", now_us);
  ASSERT_TRUE(closed.ok()) << closed.status();
  // Months are those of the close's zone from now on.
  spend = Read(now_us);
  EXPECT_EQ(WithoutZeros(spend.open), Naive(present, zone));
  EXPECT_EQ(WithoutZeros(spend.closed), Naive(last, zone));
  EXPECT_EQ(spend.closed_month, "2026-06");
  // A month later that has not been closed yet is neither.
  spend = Read(MonthRange(absl::CivilMonth(2026, 9), zone).from_us);
  EXPECT_EQ(WithoutZeros(spend.open), Naive(absl::CivilMonth(2026, 9), zone));
  EXPECT_EQ(WithoutZeros(spend.closed), Naive(last, zone));
}

TEST_P(CostCenterSpendTest, AnOrgWithoutChargesHasNone) {
  const CostCenterSpend spend = Read(kDayUs);
  EXPECT_TRUE(spend.open.empty());
  EXPECT_TRUE(spend.closed.empty());
}

// What the ledger has lost a part of is not told by half.
TEST_P(CostCenterSpendTest, AClosedMonthThatRetentionHasReachedIsLeftOut) {
  ledger_.Fill(100, 11);
  const absl::CivilMonth last(2026, 3);
  const int64_t now_us = MonthRange(absl::CivilMonth(2026, 11), absl::UTCTimeZone()).from_us;
  ASSERT_TRUE(CloseMonth(*db_, {"acme", last, absl::UTCTimeZone(), {}}, "close-1", now_us).ok());
  EXPECT_FALSE(Read(now_us).closed.empty());
  RetentionAges ages;
  ages.entries_days = ages.hours_days = ages.days_days = 120;
  ASSERT_TRUE(Retention(db_.get()).Run(ages, now_us, "test").ok());
  const CostCenterSpend spend = Read(now_us);
  EXPECT_TRUE(spend.closed.empty());
  EXPECT_EQ(spend.closed_month, "2026-03");
  EXPECT_EQ(WithoutZeros(spend.open), Naive(absl::CivilMonth(2026, 11), absl::UTCTimeZone()));
}

}  // namespace
}  // namespace quotaplane::reports
