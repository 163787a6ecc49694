#include "libs/reports/ranking.h"

#include <gtest/gtest.h>

#include <limits>

namespace quotaplane::reports {
namespace {

Measures Cost(int64_t cost, int64_t input = 0) {
  Measures measures;
  measures.cost_nano_usd = cost;
  if (input != 0) measures.quantities["input"] = input;
  return measures;
}

const std::vector<Range> kTwo = {{0, 10}, {10, 20}};

std::vector<std::string> Names(const UsageReport& report) {
  std::vector<std::string> names;
  for (const UsageRow& row : report.rows) {
    names.push_back(std::to_string(row.period.from_us) + ":" +
                    (row.others ? "others" : row.group[0]) + "=" +
                    std::to_string(row.measures.cost_nano_usd));
  }
  return names;
}

TEST(Ranking, ByPeriodThenByMeasureThenByGroup) {
  const Sums sums = {
      {{1, {"a"}}, Cost(5)}, {{0, {"b"}}, Cost(5)}, {{0, {"a"}}, Cost(5)}, {{0, {"c"}}, Cost(9)}};
  const auto report = Rank(sums, kTwo, {}, 0);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(Names(*report), (std::vector<std::string>{"0:c=9", "0:a=5", "0:b=5", "10:a=5"}));
  EXPECT_EQ(report->total.cost_nano_usd, 24);
}

TEST(Ranking, TheFirstGroupsAreThoseOfTheWholeRange) {
  // c has the largest period; a has the largest sum.
  const Sums sums = {{{0, {"a"}}, Cost(6)},
                     {{1, {"a"}}, Cost(6)},
                     {{0, {"b"}}, Cost(1)},
                     {{0, {"c"}}, Cost(9)},
                     {{1, {"d"}}, Cost(2)}};
  const auto report = Rank(sums, kTwo, {}, 1);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(Names(*report),
            (std::vector<std::string>{"0:a=6", "0:others=10", "10:a=6", "10:others=2"}));
  EXPECT_EQ(report->total.cost_nano_usd, 24);
}

TEST(Ranking, ByOtherMeasures) {
  const Sums sums = {{{0, {"a"}}, Cost(1, 7)}, {{0, {"b"}}, Cost(2, 3)}};
  EXPECT_EQ(Names(*Rank(sums, kTwo, {Order::By::kTokens, "", true}, 0))[0], "0:a=1");
  EXPECT_EQ(Names(*Rank(sums, kTwo, {Order::By::kQuantity, "input", false}, 0))[0], "0:b=2");
  EXPECT_EQ(Names(*Rank(sums, kTwo, {Order::By::kGroup, "", true}, 0))[0], "0:b=2");
}

TEST(Ranking, SumsThatDoNotFitAreErrors) {
  const int64_t max = std::numeric_limits<int64_t>::max();
  const Sums sums = {{{0, {"a"}}, Cost(max)}, {{0, {"b"}}, Cost(1)}};
  EXPECT_TRUE(absl::IsOutOfRange(Rank(sums, kTwo, {}, 0).status()));
  Measures tokens;
  tokens.quantities = {{"input", max}, {"output", 1}};
  EXPECT_TRUE(absl::IsOutOfRange(
      Rank({{{0, {"a"}}, tokens}}, kTwo, {Order::By::kTokens, "", true}, 0).status()));
}

}  // namespace
}  // namespace quotaplane::reports
