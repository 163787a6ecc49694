// What is compared with what.
#include "libs/reconcile/reconcile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/reconcile/test_rows.h"

namespace quotaplane::reconcile {
namespace {

using ::testing::ElementsAre;

TEST(Reconcile, EqualSidesHaveNoDifference) {
  const auto outcome = Compare({Cost(1, "m", "", kUsd), Used(1, "m", "input", 10)},
                               {Charged(1, "m", "input", 10, kUsd)});
  EXPECT_TRUE(outcome.differences.empty());
  EXPECT_EQ(outcome.compared, 1);
  EXPECT_TRUE(outcome.compared_cost);
  EXPECT_THAT(outcome.meters, ElementsAre("input"));
  EXPECT_EQ(outcome.provider_cost_nano_usd, kUsd);
  EXPECT_EQ(outcome.ledger_cost_nano_usd, kUsd);
}

TEST(Reconcile, WhatTheExportDoesNotTellIsNotCompared) {
  const auto usage = Compare({Used(1, "m", "input", 10)}, {Charged(1, "m", "input", 10, kUsd)});
  EXPECT_TRUE(usage.differences.empty());
  EXPECT_EQ(usage.compared, 1);
  EXPECT_FALSE(usage.compared_cost);
  const auto cost = Compare({Cost(1, "m", "", kUsd)}, {Charged(1, "m", "input", 10, kUsd)});
  EXPECT_TRUE(cost.differences.empty());
  EXPECT_EQ(cost.compared, 1);
  EXPECT_TRUE(cost.meters.empty());
}

TEST(Reconcile, OnlyDaysOfTheRangeCount) {
  const auto outcome = Compare({Used(11, "m", "input", 10)}, {Charged(12, "m", "input", 7, 0)});
  EXPECT_EQ(outcome.compared, 0);
}

TEST(Reconcile, OnlyModelsOfTheProviderCount) {
  Options options = AllDays();
  options.models = {Glob("claude-*")};
  const auto outcome =
      Compare({Used(1, "special", "input", 10)},
              {Charged(1, "special", "input", 10, 0), Charged(1, "gpt-4o", "input", 5, 0),
               Charged(1, "claude-x", "input", 5, 0)},
              options);
  ASSERT_EQ(outcome.differences.size(), 1u);
  EXPECT_EQ(outcome.differences[0].of.model, "claude-x");
  EXPECT_EQ(outcome.differences[0].cause, Cause::kMissingAtProvider);
}

TEST(Reconcile, MetersThatTheExportDoesNotTellAreNotCompared) {
  const auto outcome = Compare({Used(1, "m", "input", 10), Used(1, "m", "web_search_requests", 4)},
                               {Charged(1, "m", "input", 10, 5), Charged(1, "m", "output", 3, 5),
                                Charged(1, "m", "mcp_tool_calls", 3, 5)});
  EXPECT_TRUE(outcome.differences.empty());
  EXPECT_THAT(outcome.meters, ElementsAre("input"));
}

TEST(Reconcile, AModelUnderTwoNamesIsOne) {
  const auto outcome = Compare(
      {Used(1, "claude-x-20250929", "input", 10)},
      {Charged(1, "claude-x", "input", 4, 0), Charged(1, "claude-x-20250929", "input", 6, 0)});
  EXPECT_TRUE(outcome.differences.empty());
  ASSERT_EQ(outcome.renamings.size(), 1u);
  EXPECT_EQ(outcome.renamings[0].model, "claude-x-20250929");
  EXPECT_THAT(outcome.renamings[0].ledger, ElementsAre("claude-x", "claude-x-20250929"));
}

TEST(Reconcile, VersionsThatBothSidesTellApartAreTwo) {
  const auto outcome =
      Compare({Used(1, "gpt-4o-2024-05-13", "input", 10), Used(1, "gpt-4o-2024-08-06", "input", 5)},
              {Charged(1, "gpt-4o-2024-05-13", "input", 5, 0),
               Charged(1, "gpt-4o-2024-08-06", "input", 10, 0)});
  EXPECT_EQ(outcome.differences.size(), 2u);
  EXPECT_TRUE(outcome.renamings.empty());
}

TEST(Reconcile, VersionsThatOneSideDoesNotTellApartAreOne) {
  const auto outcome =
      Compare({Used(1, "gpt-4o-2024-05-13", "input", 10), Used(1, "gpt-4o-2024-08-06", "input", 5)},
              {Charged(1, "gpt-4o", "input", 15, 0)});
  EXPECT_TRUE(outcome.differences.empty());
  ASSERT_EQ(outcome.renamings.size(), 1u);
  EXPECT_EQ(outcome.renamings[0].model, "gpt-4o");
}

TEST(Reconcile, AnExportWithoutModelsIsAboutAllOfThem) {
  const auto outcome =
      Compare({Used(1, "a", "input", 10), Used(1, "b", "input", 5), Cost(1, "", "", 3 * kUsd)},
              {Charged(1, "a", "input", 10, kUsd), Charged(1, "b", "input", 5, kUsd)});
  ASSERT_EQ(outcome.differences.size(), 1u);
  EXPECT_EQ(outcome.differences[0].of.model, "");
  EXPECT_EQ(outcome.differences[0].of.ledger.cost_nano_usd, 2 * kUsd);
  EXPECT_FALSE(outcome.differences[0].of.compares_usage);
}

TEST(Reconcile, AnEmptyExportMissesEverything) {
  ProviderReport report;
  report.has_usage = report.has_cost = true;
  const auto outcome = Reconcile(report, {Charged(1, "m", "input", 10, kUsd)}, AllDays());
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ASSERT_EQ(outcome->differences.size(), 1u);
  EXPECT_EQ(outcome->differences[0].cause, Cause::kMissingAtProvider);
}

TEST(Reconcile, TolerancesAreOfMoneyOrOfBoth) {
  const std::vector<ProviderRow> rows = {Used(1, "m", "input", 1'000'000), Cost(1, "m", "", kUsd)};
  const auto count = [&](int64_t tokens, int64_t cost, Tolerance tolerance) {
    Options options = AllDays();
    options.tolerance = tolerance;
    return Compare(rows, {Charged(1, "m", "input", tokens, cost)}, options).differences.size();
  };
  EXPECT_EQ(count(1'000'000, kUsd + 1000, {1000, 0}), 0u);
  EXPECT_EQ(count(1'000'000, kUsd + 1001, {1000, 0}), 1u);
  EXPECT_EQ(count(1'000'001, kUsd, {1000, 0}), 1u);
  EXPECT_EQ(count(999'000, kUsd, {0, 1000}), 0u);
  EXPECT_EQ(count(998'999, kUsd, {0, 1000}), 1u);
}

TEST(Reconcile, SumsThatAreTooLargeAreAnError) {
  ProviderReport report;
  report.has_cost = true;
  report.rows = {Cost(1, "m", "", int64_t{1} << 59), Cost(1, "m", "", 1)};
  EXPECT_TRUE(absl::IsOutOfRange(Reconcile(report, {}, AllDays()).status()));
}

}  // namespace
}  // namespace quotaplane::reconcile
