#include "libs/reports/compare.h"

#include <gtest/gtest.h>

#include <limits>

namespace quotaplane::reports {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

Measures Cost(int64_t cost, int64_t requests = 0) {
  Measures measures;
  measures.cost_nano_usd = cost;
  measures.requests = requests;
  return measures;
}

TEST(Millionths, RoundTowardsZeroAndStayWithinBounds) {
  EXPECT_EQ(Millionths(1, 4), 250'000);
  EXPECT_EQ(Millionths(-1, 3), -333'333);
  EXPECT_EQ(Millionths(2, 3), 666'666);
  EXPECT_EQ(Millionths(5, 0), std::nullopt);
  EXPECT_EQ(Millionths(kMax, 1), kMax);
  EXPECT_EQ(Millionths(kMin, 1), kMin);
  EXPECT_EQ(Millionths(5, -10), 500'000);
}

TEST(Compare, PutsTheLargestChangesFirstUpOrDown) {
  const Sums base = {{{0, {"a"}}, Cost(100, 1)}, {{0, {"b"}}, Cost(50, 5)}, {{0, {"d"}}, Cost(7)}};
  const Sums current = {{{0, {"a"}}, Cost(110, 3)}, {{0, {"c"}}, Cost(20)}, {{0, {"d"}}, Cost(7)}};
  const auto report = Compare(base, current, 2);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->rows.size(), 3u);
  EXPECT_EQ(report->rows[0].group, std::vector<std::string>{"b"});
  EXPECT_EQ(report->rows[0].cost_change_nano_usd, -50);
  EXPECT_EQ(report->rows[0].cost_change_millionths, -1'000'000);
  EXPECT_EQ(report->rows[0].requests_change, -5);
  EXPECT_EQ(report->rows[1].group, std::vector<std::string>{"c"});
  EXPECT_EQ(report->rows[1].cost_change_millionths, std::nullopt);
  EXPECT_TRUE(report->rows[2].others);
  EXPECT_EQ(report->rows[2].cost_change_nano_usd, 10);
  EXPECT_EQ(report->total.base.cost_nano_usd, 157);
  EXPECT_EQ(report->total.current.cost_nano_usd, 137);
  EXPECT_EQ(report->total.cost_change_nano_usd, -20);
}

TEST(Compare, DifferencesThatDoNotFitAreErrors) {
  const auto report = Compare({{{0, {}}, Cost(kMin)}}, {{{0, {}}, Cost(1)}}, 1);
  EXPECT_TRUE(absl::IsOutOfRange(report.status())) << report.status();
}

TEST(Compare, TheSmallestChangeOfAllIsTheLargestInSize) {
  const Sums base = {{{0, {"a"}}, Cost(0)}, {{0, {"b"}}, Cost(0)}};
  const Sums current = {{{0, {"a"}}, Cost(5)}, {{0, {"b"}}, Cost(kMin)}};
  EXPECT_EQ(Compare(base, current, 5)->rows[0].group, std::vector<std::string>{"b"});
}

}  // namespace
}  // namespace quotaplane::reports
