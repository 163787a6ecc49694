#include "tools/quotactl/reconcile_render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;

class ReconcileRenderTest : public ::testing::Test {
 protected:
  ReconcileRenderTest() {
    options_.from = absl::CivilDay(2026, 11, 1);
    options_.to = absl::CivilDay(2026, 12, 1);
    outcome_.meters = {"input", "output"};
    outcome_.compared_cost = true;
    outcome_.compared = 61;
    outcome_.provider_cost_nano_usd = 3'000'000'000;
    outcome_.ledger_cost_nano_usd = 2'500'000'001;
    outcome_.renamings = {{"claude-x-20250929", {"claude-x-20250929"}, {"claude-x"}}};
    reconcile::Difference difference;
    difference.of.day = options_.from;
    difference.of.model = "claude-x-20250929";
    difference.of.compares_cost = difference.of.compares_usage = true;
    difference.of.provider.cost_nano_usd = 1'500'000'000;
    difference.of.provider.quantities = {{"input", 3'000}, {"output", 7}};
    difference.of.ledger.cost_nano_usd = 1'000'000'001;
    difference.of.ledger.quantities = {{"input", 2'000}, {"output", 7}};
    difference.cause = reconcile::Cause::kMissingInLedger;
    difference.evidence = "the provider has more input by 1000, \"odd\"";
    outcome_.differences = {difference};
  }

  reconcile::Options options_;
  reconcile::Outcome outcome_;
};

TEST_F(ReconcileRenderTest, Table) {
  const std::string table = OutcomeAsTable(outcome_, options_, terminal::Style(false));
  EXPECT_THAT(table, HasSubstr("2026-11-01  claude-x-20250929     $1.50  $1.000000001  "
                               "+$0.499999999            3,007   2,007      +1,000  "
                               "missing in ledger  the provider has more"));
  EXPECT_THAT(table, HasSubstr("Named differently: claude-x in the ledger, claude-x-20250929 at"));
  EXPECT_THAT(table, HasSubstr("2026-11-01 to 2026-11-30: 1 of 61 days and models differ. Provider "
                               "$3.00, ledger $2.500000001.\n"));
}

TEST_F(ReconcileRenderTest, WithoutDifferencesThereIsNoTable) {
  outcome_.differences.clear();
  outcome_.renamings.clear();
  EXPECT_EQ(OutcomeAsTable(outcome_, options_, terminal::Style(false)),
            "2026-11-01 to 2026-11-30: 0 of 61 days and models differ. Provider $3.00, ledger "
            "$2.500000001.\n");
}

TEST_F(ReconcileRenderTest, Csv) {
  EXPECT_EQ(OutcomeAsCsv(outcome_),
            "day,model,cause,provider_cost_usd,ledger_cost_usd,provider_input,ledger_input,"
            "provider_output,ledger_output,evidence\r\n"
            "2026-11-01,claude-x-20250929,missing_in_ledger,1.50,1.000000001,3000,2000,7,7,"
            "\"the provider has more input by 1000, \"\"odd\"\"\"\r\n");
}

TEST_F(ReconcileRenderTest, WhatIsNotToldIsEmpty) {
  outcome_.differences[0].of.compares_cost = false;
  EXPECT_THAT(OutcomeAsCsv(outcome_), HasSubstr("missing_in_ledger,,,3000,"));
  const auto json = nlohmann::json::parse(OutcomeAsJson(outcome_, options_));
  EXPECT_FALSE(json["differences"][0]["provider"].contains("cost_nano_usd"));
}

TEST_F(ReconcileRenderTest, Json) {
  const auto json = nlohmann::json::parse(OutcomeAsJson(outcome_, options_));
  EXPECT_EQ(json["from"], "2026-11-01");
  EXPECT_EQ(json["to"], "2026-12-01");
  EXPECT_EQ(json["compared"], "61");
  EXPECT_EQ(json["ledger_cost_nano_usd"], "2500000001");
  EXPECT_EQ(json["differences"][0]["cause"], "missing_in_ledger");
  EXPECT_EQ(json["differences"][0]["ledger"]["quantities"]["input"], "2000");
  EXPECT_EQ(json["differences"][0]["provider"]["cost_nano_usd"], "1500000000");
  EXPECT_EQ(json["renamings"][0]["ledger"][0], "claude-x");
}

}  // namespace
}  // namespace quotaplane::quotactl
