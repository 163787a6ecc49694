#include "libs/config/chargeback_reader.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace quotaplane {
namespace {

std::string ErrorOf(std::string_view text) {
  const absl::StatusOr<ChargebackRules> rules = ParseChargebackRules(text, "c.yaml");
  return rules.ok() ? "OK" : std::string(rules.status().message());
}

TEST(ChargebackReader, ReadsEveryPart) {
  const auto rules = ParseChargebackRules(R"(
seat_fees:
  - {name: Platform, usd_per_seat: 19, seats: {R-100: 14, "": 3}}
  - {name: Editor, usd_per_seat: 4.50, seats: active_users}
shared_costs:
  - {name: Gateway, usd: 1200, allocate: by_usage}
  - {name: Rent, usd: 0.000000001, allocate: even}
  - {name: Support, usd: 250, allocate: {R-100: 3, R-200: 0}}
markup_percent: 3.5
markup_percent_of: {R-200: -10}
currency: {code: EUR, per_usd: 0.92345, decimals: 3}
)",
                                          "c.yaml");
  ASSERT_TRUE(rules.ok()) << rules.status();
  ChargebackRules expected;
  expected.seat_fees = {{"Platform", 19'000'000'000, {{"R-100", 14}, {"", 3}}, false},
                        {"Editor", 4'500'000'000, {}, true}};
  expected.shared_costs = {
      {"Gateway", 1'200'000'000'000, Allocation::kByUsage, {}},
      {"Rent", 1, Allocation::kEven, {}},
      {"Support", 250'000'000'000, Allocation::kByWeight, {{"R-100", 3}, {"R-200", 0}}}};
  expected.markup_millionths = 35'000;
  expected.markup_by_cost_center = {{"R-200", -100'000}};
  expected.currency = {"EUR", 923'450'000, 3};
  EXPECT_EQ(*rules, expected);
  EXPECT_EQ(*ParseChargebackRules("{}", "c"), ChargebackRules());
}

TEST(ChargebackReader, MistakesAreNamed) {
  EXPECT_EQ(ErrorOf(""), "c.yaml:1: has no value; write a map (key: value)");
  EXPECT_EQ(ErrorOf("seat_fee: []\n"),
            "c.yaml:1: seat_fee: unknown key; did you mean "
            "\"seat_fees\"?");
  EXPECT_EQ(ErrorOf("seat_fees:\n  - {usd_per_seat: 1, seats: active_users}\n"),
            "c.yaml:2: seat_fees[0]: `name` is missing; say what it is for");
  EXPECT_EQ(ErrorOf("seat_fees:\n  - {name: A, usd_per_seat: -1, seats: active_users}\n"),
            "c.yaml:2: seat_fees[0].usd_per_seat: must be from 0 to 9007199.254740991, not "
            "\"-1\"");
  EXPECT_EQ(ErrorOf("seat_fees:\n  - {name: A, usd_per_seat: 1, seats: users}\n"),
            "c.yaml:2: seat_fees[0].seats: must be active_users, or {COST_CENTER: NUMBER}, not "
            "\"users\"");
  EXPECT_EQ(ErrorOf("seat_fees:\n  - {name: A, usd_per_seat: 1, seats: {R: 1.5}}\n"),
            "c.yaml:2: seat_fees[0].seats.R: must be a whole number such as 1000, not \"1.5\"");
  EXPECT_EQ(ErrorOf("shared_costs:\n  - {name: A, usd: 1e3, allocate: even}\n"),
            "c.yaml:2: shared_costs[0].usd: must be an exact decimal such as 12 or 0.25, not "
            "\"1e3\"");
  EXPECT_EQ(ErrorOf("shared_costs:\n  - {name: A, usd: 0.0000000001, allocate: even}\n"),
            "c.yaml:2: shared_costs[0].usd: must have at most 9 decimals, not \"0.0000000001\"");
  EXPECT_EQ(ErrorOf("shared_costs:\n  - {name: A, usd: 1, allocate: evn}\n"),
            "c.yaml:2: shared_costs[0].allocate: must be even, by_usage, or weights {COST_CENTER: "
            "NUMBER}, not \"evn\"; did you mean \"even\"?");
  EXPECT_EQ(ErrorOf("shared_costs:\n  - {name: A, usd: 1, allocate: {R: 0}}\n"),
            "c.yaml:2: shared_costs[0].allocate: has no weight above 0; give somebody one");
  EXPECT_EQ(ErrorOf("shared_costs:\n  - {name: \"\", usd: 1, allocate: even}\n"),
            "c.yaml:2: shared_costs[0].name: must not be empty");
  EXPECT_EQ(ErrorOf("markup_percent: -100.1\n"),
            "c.yaml:1: markup_percent: must be from -100 to 1000, not \"-100.1\"");
  EXPECT_EQ(ErrorOf("markup_percent: 0.00001\n"),
            "c.yaml:1: markup_percent: must have at most 4 decimals, not \"0.00001\"");
  EXPECT_EQ(ErrorOf("markup_percent_of: {\"a\\u0007\": 1}\n"),
            "c.yaml:1: markup_percent_of.a\\x07: the cost center must have no control characters");
  EXPECT_EQ(ErrorOf("currency: {code: eur, per_usd: 1}\n"),
            "c.yaml:1: currency.code: must be an ISO 4217 code such as EUR, not \"eur\"");
  EXPECT_EQ(ErrorOf("currency: {code: EUR, per_usd: 0, decimals: 10}\n"),
            "c.yaml:1: currency.per_usd: must be from 0.000000001 to 1000000, not \"0\"\n"
            "c.yaml:1: currency.decimals: must be from 0 to 9, not \"10\"");
  EXPECT_EQ(ErrorOf("currency: {code: EUR}\n"),
            "c.yaml:1: currency: `per_usd` is missing; write how much of it one USD is");
}

TEST(ChargebackReader, ThereAreBounds) {
  std::string fees = "shared_costs:\n", seats = "seat_fees:\n  - name: A\n    seats:\n";
  for (size_t i = 0; i <= kMaxFees; ++i) fees += "  - {name: A, usd: 1, allocate: even}\n";
  EXPECT_EQ(ErrorOf(fees), "c.yaml:1: shared_costs: has 101 entries; at most 100 are allowed");
  for (size_t i = 0; i <= kMaxNamedCostCenters; ++i)
    absl::StrAppend(&seats, "      R-", i, ": 1\n");
  EXPECT_EQ(ErrorOf(seats + "    usd_per_seat: 1\n"),
            "c.yaml:3: seat_fees[0].seats: has 2001 cost centers; at most 2000 are allowed");
}

TEST(ChargebackReader, TheExampleOfTheDocsIsOne) {
  std::ifstream page(QP_SOURCE_DIR "/docs/reports.md");
  std::stringstream text;
  text << page.rdbuf();
  const std::string all = text.str();
  const std::string opening = "```yaml\n";
  const size_t begin = all.find(opening);
  ASSERT_NE(begin, std::string::npos);
  const size_t end = all.find("```", begin + opening.size());
  const std::string example = all.substr(begin + opening.size(), end - begin - opening.size());
  EXPECT_EQ(ErrorOf(example), "OK");
}

}  // namespace
}  // namespace quotaplane
