#include "tools/quotactl/statement_render.h"

#include <gtest/gtest.h>

namespace quotaplane::quotactl {
namespace {

const terminal::Style kPlain(false);

Summaries Two() {
  Summaries statements;
  v1::StatementSummary* each = statements.Add();
  each->set_number(16);
  each->set_month("2026-10");
  each->set_usage_nano_usd(3'000'000'000);
  each->set_total_nano_usd(3'000'000'000);
  each->set_currency("EUR");
  each->set_due_nano(2'760'000'000);
  each = statements.Add();
  each->set_number(17);
  each->set_month("2026-10");
  each->set_cost_center("R-1, \"the\"");
  each->set_active_users(1'204);
  each->set_usage_nano_usd(1);
  each->set_late_nano_usd(-1'500'000'001);
  each->set_total_nano_usd(-1'500'000'000);
  each->set_currency("EUR");
  each->set_due_nano(-1'380'000'000);
  return statements;
}

TEST(StatementRender, ATableLeavesOutWhatNobodyHas) {
  EXPECT_EQ(SummariesAsTable(Two(), kPlain),
            "STATEMENT     COST CENTER   USERS         USAGE           LATE   TOTAL        DUE\n"
            "2026-10-0016  (unassigned)      0         $3.00          $0.00   $3.00   EUR 2.76\n"
            "2026-10-0017  R-1, \"the\"    1,204  $0.000000001  -$1.500000001  -$1.50  EUR -1.38\n"
            "TOTAL                              $3.000000001  -$1.500000001   $1.50\n");
  EXPECT_EQ(SummariesAsTable({}, kPlain), "No statements.\n");
}

TEST(StatementRender, CsvIsExact) {
  EXPECT_EQ(SummariesAsCsv(Two()),
            "number,month,cost_center,active_users,usage_usd,late_usd,corrections_usd,markup_usd,"
            "seat_fees_usd,shared_costs_usd,total_usd,currency,due\r\n"
            "16,2026-10,,0,3.00,0.00,0.00,0.00,0.00,0.00,3.00,EUR,2.76\r\n"
            "17,2026-10,\"R-1, \"\"the\"\"\",1204,0.000000001,-1.500000001,0.00,0.00,0.00,0.00,"
            "-1.50,EUR,-1.38\r\n");
}

TEST(StatementRender, AStatementFromItsDocument) {
  const auto table = StatementAsTable(
      R"({"cost_center":"R-1","month":"2026-10","number":"17","preview":false,
          "currency":{"code":"EUR"},
          "lines":[{"kind":"usage","month":"2026-10","corrects_month":"","team":"search",
                    "model":"m","requests":"2","cost_nano_usd":"3000000000","meter":"input"},
                   {"kind":"usage","month":"2026-10","corrects_month":"","team":"search",
                    "model":"m","requests":"0","cost_nano_usd":"1000000000","meter":"output"},
                   {"kind":"correction","month":"2026-10","corrects_month":"2026-08","team":"",
                    "model":"m","requests":"0","cost_nano_usd":"-500000000","meter":"input"}],
          "seat_fees":[{"name":"Seat","seats":"14","amount_nano_usd":"14000000000"}],
          "shared_costs":[],
          "totals":{"usage_nano_usd":"4000000000","corrections_nano_usd":"-500000000",
                    "total_nano_usd":"17500000000","due_nano":"16100000000"}})",
      kPlain);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(*table,
            "R-1  statement 2026-10-0017\n"
            "usage               $4.00\n"
            "corrections        -$0.50\n"
            "Seat, 14 seats     $14.00\n"
            "TOTAL              $17.50\n"
            "AMOUNT DUE      EUR 16.10\n"
            "\n"
            "KIND        MONTH    CORRECTS  TEAM    MODEL  REQUESTS    COST\n"
            "usage       2026-10            search  m             2   $4.00\n"
            "correction  2026-10  2026-08   (none)  m             0  -$0.50\n");
  EXPECT_TRUE(absl::IsDataLoss(StatementAsTable("<html>", kPlain).status()));
}

TEST(StatementRender, RulesReachTheApi) {
  ChargebackRules rules;
  rules.seat_fees = {{"Seat", 19, {{"R-1", 3}}, false}, {"User", 1, {}, true}};
  rules.shared_costs = {{"Ops", 100, Allocation::kByWeight, {{"", 1}}}};
  rules.markup_millionths = -5;
  rules.markup_by_cost_center = {{"R-2", 7}};
  rules.currency = {"JPY", 5, 0};
  const v1::ChargebackRules proto = RulesToProto(rules);
  EXPECT_EQ(proto.seat_fees(0).seats().at("R-1"), 3);
  EXPECT_TRUE(proto.seat_fees(1).per_active_user());
  EXPECT_EQ(proto.shared_costs(0).allocation(), v1::ALLOCATION_BY_WEIGHT);
  EXPECT_EQ(proto.shared_costs(0).weights().at(""), 1);
  EXPECT_EQ(proto.markup_millionths(), -5);
  EXPECT_EQ(proto.markup_millionths_by_cost_center().at("R-2"), 7);
  EXPECT_TRUE(proto.currency().has_decimals());
}

}  // namespace
}  // namespace quotaplane::quotactl
