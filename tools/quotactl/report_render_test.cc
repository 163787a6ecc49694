#include "tools/quotactl/report_render.h"

#include <gtest/gtest.h>

#include <limits>

namespace quotaplane::quotactl {
namespace {

const terminal::Style kPlain(false);

v1::Measures Measured(int64_t cost, int64_t requests, int64_t output = 0) {
  v1::Measures measures;
  measures.set_cost_nano_usd(cost);
  measures.set_requests(requests);
  if (output != 0) (*measures.mutable_quantities())["output"] = output;
  return measures;
}

v1::QueryUsageResponse TwoTeams() {
  v1::QueryUsageResponse report;
  v1::UsageRow* row = report.add_rows();
  row->mutable_start_time()->set_seconds(1'793'491'200);
  row->mutable_end_time()->set_seconds(1'793'577'600);
  row->add_group("search, \"the\"");
  *row->mutable_measures() = Measured(3'000'000'000, 1'200, 7);
  row->mutable_measures()->set_denied(4);
  row = report.add_rows();
  *row = report.rows(0);
  row->clear_group();
  row->set_others(true);
  *row->mutable_measures() = Measured(500'000'000, 3);
  *report.mutable_total() = Measured(3'500'000'000, 1'203, 7);
  report.mutable_total()->set_denied(4);
  return report;
}

TEST(ReportRender, AUsageTableEndsWithItsTotal) {
  const ReportLayout layout = {{"team"}, v1::GRANULARITY_DAY, absl::UTCTimeZone()};
  EXPECT_EQ(UsageAsTable(TwoTeams(), layout, kPlain),
            "FROM        TEAM            COST  REQUESTS  DENIED  OUTPUT\n"
            "2026-11-01  search, \"the\"  $3.00     1,200       4       7\n"
            "2026-11-01  all others     $0.50         3       0       0\n"
            "TOTAL                      $3.50     1,203       4       7\n");
}

TEST(ReportRender, UsageAsCsvIsExact) {
  const ReportLayout layout = {{"team"}, v1::GRANULARITY_DAY, absl::UTCTimeZone()};
  EXPECT_EQ(UsageAsCsv(TwoTeams(), layout),
            "start_time,end_time,team,others,cost_usd,requests,denied,overrun_usd,output\r\n"
            "2026-11-01T00:00:00+00:00,2026-11-02T00:00:00+00:00,\"search, \"\"the\"\"\",0,3.00,"
            "1200,4,0.00,7\r\n"
            "2026-11-01T00:00:00+00:00,2026-11-02T00:00:00+00:00,,1,0.50,3,0,0.00,0\r\n");
}

TEST(ReportRender, SpendersHaveRanksAndShares) {
  v1::ListTopSpendersResponse report;
  v1::Spender* spender = report.add_spenders();
  spender->set_name("alice");
  spender->set_share_millionths(666'666);
  *spender->mutable_measures() = Measured(2, 5);
  spender = report.add_spenders();
  spender->set_share_millionths(333'333);
  *spender->mutable_measures() = Measured(1, 1);
  *report.mutable_total() = Measured(3, 6);
  EXPECT_EQ(SpendersAsTable(report, "user", kPlain),
            "   USER    SHARE          COST  REQUESTS\n"
            "1  alice   66.7%  $0.000000002         5\n"
            "2  (none)  33.3%  $0.000000001         1\n"
            "   TOTAL          $0.000000003         6\n");
  EXPECT_EQ(SpendersAsCsv(report, "user"),
            "user,others,cost_usd,requests,denied,overrun_usd\r\n"
            "alice,0,0.000000002,5,0,0.00\r\n"
            ",0,0.000000001,1,0,0.00\r\n");
}

TEST(ReportRender, ChangesHaveSigns) {
  EXPECT_EQ(FormatChange(250'000), "+25.0%");
  EXPECT_EQ(FormatChange(-31'460), "-3.1%");
  EXPECT_EQ(FormatChange(499), "0.0%");
  EXPECT_EQ(FormatChange(std::numeric_limits<int64_t>::max()), "+922337203685477.6%");
}

TEST(ReportRender, AComparison) {
  v1::ComparePeriodsResponse report;
  v1::Comparison* row = report.add_rows();
  row->add_group("");
  *row->mutable_base() = Measured(4'000'000'000, 8);
  *row->mutable_current() = Measured(3'000'000'000, 9);
  row->set_cost_change_nano_usd(-1'000'000'000);
  row->set_cost_change_millionths(-250'000);
  *report.mutable_total() = report.rows(0);
  EXPECT_EQ(ComparisonAsTable(report, {"team"}, kPlain),
            "TEAM    BEFORE    NOW  CHANGE          REQUESTS BEFORE  NOW\n"
            "(none)   $4.00  $3.00  -$1.00  -25.0%                8    9\n"
            "TOTAL    $4.00  $3.00  -$1.00  -25.0%                8    9\n");
  EXPECT_EQ(ComparisonAsCsv(report, {"team"}),
            "team,others,base_cost_usd,cost_usd,cost_change_usd,cost_change_percent,base_requests,"
            "requests,base_denied,denied\r\n"
            ",0,4.00,3.00,-1.00,-25,8,9,0,0\r\n");
}

TEST(ReportRender, AComparisonOfRefusals) {
  v1::ComparePeriodsResponse report;
  report.mutable_total()->mutable_base()->set_denied(2);
  report.mutable_total()->mutable_current()->set_denied(1'000);
  *report.add_rows() = report.total();
  EXPECT_EQ(ComparisonAsTable(report, {}, kPlain),
            "BEFORE    NOW  CHANGE    REQUESTS BEFORE  NOW  DENIED BEFORE    NOW\n"
            " $0.00  $0.00   $0.00                  0    0              2  1,000\n");
  EXPECT_TRUE(ComparisonAsCsv(report, {}).ends_with(",0,0,2,1000\r\n"));
}

TEST(ReportRender, NothingIsSaid) {
  EXPECT_EQ(UsageAsTable({}, {}, kPlain), "Nothing was used in this range.\n");
}

}  // namespace
}  // namespace quotaplane::quotactl
