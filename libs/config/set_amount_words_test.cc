// An amount for a scope, as people say it.
#include "libs/config/set_amount_words.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace quotaplane {
namespace {

using Values = std::map<std::string, std::string>;

void ExpectRead(std::string_view text, const Values& scope, const std::string& amount,
                const std::string& unit, const std::string& window) {
  const auto set = ParseSetAmount(text);
  ASSERT_TRUE(set.ok()) << set.status();
  SetAmountText expected;
  expected.scope = scope;
  expected.amount = amount;
  expected.unit = unit;
  expected.window = window;
  EXPECT_EQ(*set, expected) << text;
}

TEST(SetAmountWordsTest, ManyWaysToSayIt) {
  const Values alice = {{"user", "alice"}};
  for (const char* text :
       {"user=alice: 500 USD a month", "user=alice: 500 usd per month", "user=alice: 500 usd/month",
        "user=alice:500 usd / month", " user = alice : 500 Usd each Month ",
        "user=alice: 500 usd every month", "user=\"alice\": 500 usd/month"}) {
    ExpectRead(text, alice, "500", "usd", "month");
  }
  ExpectRead("team=search,model=claude-opus-4: 200000 output_tokens/1h",
             {{"team", "search"}, {"model", "claude-opus-4"}}, "200000", "output_tokens", "1h");
  ExpectRead("team=search: 20 concurrency", {{"team", "search"}}, "20", "concurrency", "");
  ExpectRead("0.25 usd a day", {}, "0.25", "usd", "day");
  ExpectRead(": 5 usd per lifetime", {}, "5", "usd", "lifetime");
}

TEST(SetAmountWordsTest, ValuesMayHaveNearlyEverything) {
  ExpectRead("user=arn:aws:iam::1: 5 usd/day", {{"user", "arn:aws:iam::1"}}, "5", "usd", "day");
  ExpectRead("project=a/b, user=Zoë Q: 5 usd/day", {{"project", "a/b"}, {"user", "Zoë Q"}}, "5",
             "usd", "day");
  ExpectRead(R"(team="a, \"b\" \\ c" , user=x: 5 usd/day)",
             {{"team", R"(a, "b" \ c)"}, {"user", "x"}}, "5", "usd", "day");
  ExpectRead("user=a=b: 5 usd/day", {{"user", "a=b"}}, "5", "usd", "day");
}

TEST(SetAmountWordsTest, WhatIsMissingIsSaid) {
  const auto error = [](std::string_view text) {
    const auto set = ParseSetAmount(text);
    EXPECT_FALSE(set.ok()) << text;
    if (set.ok()) return std::string();
    EXPECT_EQ(set.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(set.status().message());
  };
  const std::string example = "; write it as in `user=alice: 500 usd/month`";
  EXPECT_EQ(error(""), absl::StrCat("an amount and a unit are needed", example));
  EXPECT_EQ(error("user=alice"), absl::StrCat("an amount and a unit are needed", example));
  EXPECT_EQ(error("user=alice: 500"), absl::StrCat("an amount and a unit are needed", example));
  EXPECT_EQ(error("user=alice: 500 usd month"),
            absl::StrCat("behind the unit stands the window alone", example));
  EXPECT_EQ(error("user=alice: 500 usd a month or so"),
            absl::StrCat("behind the unit stands the window alone", example));
  EXPECT_EQ(error("alice: 5 usd/day"), absl::StrCat("\"alice\" has no =", example));
  EXPECT_EQ(error("user=: 5 usd/day"),
            absl::StrCat("a dimension or its value is missing beside =", example));
  EXPECT_EQ(error("=a: 5 usd/day"),
            absl::StrCat("a dimension or its value is missing beside =", example));
  EXPECT_EQ(error("user=a,user=b: 5 usd/day"), absl::StrCat("\"user\" is given twice", example));
  EXPECT_EQ(error("user=a,: 5 usd/day"),
            absl::StrCat("nothing stands behind the last comma", example));
  EXPECT_EQ(error("user=\"a: 5 usd/day"), absl::StrCat("a quote is not closed", example));
  EXPECT_EQ(error("user=\"a\" b: 5 usd/day"),
            absl::StrCat("a comma is missing between two dimensions", example));
}

}  // namespace
}  // namespace quotaplane
