#include "libs/reconcile/csv_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/reconcile/amounts.h"

namespace quotaplane::reconcile {
namespace {

using ::testing::HasSubstr;

std::string RefusalOf(const absl::Status& status) {
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(CsvExport, ColumnsByTheirOwnNames) {
  const auto report = ReadCsv(
      "\xEF\xBB\xBF"
      "day,model,input,output,cost,Remark\r\n"
      "2026-11-01,gpt-4o,100,5,0.25,\"a, \"\"b\"\"\nc\"\r\n\r\n"
      "2026-11-02T13:00:00+02:00,gpt-4o,,7,,\n",
      {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->has_usage && report->has_cost);
  EXPECT_FALSE(report->from.has_value());
  ASSERT_EQ(report->rows.size(), 4u);
  EXPECT_EQ(report->rows[0].meter, "input");
  EXPECT_EQ(report->rows[0].quantity, 100);
  EXPECT_EQ(report->rows[1].meter, "output");
  EXPECT_EQ(report->rows[2].meter, "");
  EXPECT_EQ(report->rows[2].cost_nano_usd, 250'000'000);
  EXPECT_EQ(report->rows[2].rounding_nano_usd, 10'000'000);
  EXPECT_EQ(report->rows[3].day, absl::CivilDay(2026, 11, 2));
  EXPECT_EQ(report->rows[3].quantity, 7);
}

TEST(CsvExport, ColumnsByAMapping) {
  const auto mapping = ParseMapping({"day=Usage date", "model=SKU", "cost_cents=Cents",
                                     "input_with_cached=In", "cache_read=Hit", "tier=Tier"});
  ASSERT_TRUE(mapping.ok()) << mapping.status();
  const auto report =
      ReadCsv("SKU,Usage date,In,Hit,Cents,Tier,output\nm,1762000000,90,30,-1.5,batch,9", *mapping);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->rows.size(), 3u);
  EXPECT_EQ(report->rows[0].quantity, 30);
  EXPECT_EQ(report->rows[1].meter, "input");
  EXPECT_EQ(report->rows[1].quantity, 60);
  EXPECT_EQ(report->rows[1].tier, "batch");
  EXPECT_EQ(report->rows[2].cost_nano_usd, -15'000'000);
  EXPECT_EQ(report->rows[2].day, absl::CivilDay(2025, 11, 1));
}

TEST(CsvExport, WhatIsWrongIsNamedWithItsLine) {
  const auto refused = [](std::string_view text, const CsvMapping& mapping = {}) {
    return RefusalOf(ReadCsv(text, mapping).status());
  };
  EXPECT_THAT(refused(""), HasSubstr("empty"));
  EXPECT_THAT(refused("day,model\n"), HasSubstr("line 1: map a cost, or a meter"));
  EXPECT_THAT(refused("date,cost\n"), HasSubstr("line 1: which column is the day?"));
  EXPECT_THAT(refused("day,cost\n", {{"day", "Date"}}),
              HasSubstr("line 1: the header must have the column \"Date\" once; it has "
                        "\"day,cost\""));
  EXPECT_THAT(refused("day,cost\n2026-11-01,1\n2026-11-01\n"), HasSubstr("line 3: 1 fields"));
  EXPECT_THAT(refused("day,cost\n2026-11-01,1\nsoon,1\n"),
              HasSubstr("line 3: column \"day\" is \"soon\"; expected a day"));
  EXPECT_THAT(refused("day,cost\n2026-11-01,$1\n"), HasSubstr("line 2: column \"cost\" is \"$1\""));
  EXPECT_THAT(refused("day,output\n2026-11-01,1.0\n"), HasSubstr("expected a whole number"));
  EXPECT_THAT(refused("day,cost\n\"2026-11-01,1\n"), HasSubstr("line 2: a quote is opened"));
  EXPECT_THAT(refused("day,cost\n2026-\"11\",1\n"), HasSubstr("line 2: a quote stands in a field"));
  EXPECT_THAT(refused("day,cost\n\"2026-11-01\"x,1\n"), HasSubstr("behind a closing quote"));
  EXPECT_THAT(refused("day,input_with_cached,cache_read\n2026-11-01,1,2\n"),
              HasSubstr("line 2: the input is less than its cached part"));
  EXPECT_THAT(refused("day,cost,cost_cents\n"), HasSubstr("the one or the other"));
}

TEST(CsvMapping, IsOfPairs) {
  EXPECT_THAT(RefusalOf(ParseMapping({"day"}).status()), HasSubstr("\"day\" is no WHAT=TITLE"));
  EXPECT_THAT(RefusalOf(ParseMapping({"day="}).status()), HasSubstr("no WHAT=TITLE"));
  EXPECT_THAT(RefusalOf(ParseMapping({"Day=x"}).status()), HasSubstr("no WHAT=TITLE"));
  EXPECT_THAT(RefusalOf(ParseMapping({"day=a", "day=b"}).status()), HasSubstr("mapped twice"));
  EXPECT_EQ(ParseMapping({"day=a=b"})->at("day"), "a=b");
}

TEST(Amounts, AreRoundedToTheNearestNano) {
  EXPECT_EQ(ParseMoney("0.0000000004", MoneyUnit::kUsd)->nano_usd, 0);
  EXPECT_EQ(ParseMoney("0.0000000005", MoneyUnit::kUsd)->nano_usd, 1);
  EXPECT_EQ(ParseMoney("-0.0000000005", MoneyUnit::kUsd)->nano_usd, -1);
  EXPECT_EQ(ParseMoney("1e-2", MoneyUnit::kCents)->nano_usd, 100'000);
  EXPECT_TRUE(absl::IsInvalidArgument(ParseMoney("nan", MoneyUnit::kUsd).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseMoney("1000000000", MoneyUnit::kUsd).status()));
}

}  // namespace
}  // namespace quotaplane::reconcile
