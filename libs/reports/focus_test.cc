#include "libs/reports/focus.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/reports/entry_files.h"
#include "libs/reports/text_format.h"

namespace quotaplane::reports {
namespace {

// 2026-03-31 23:59:59.5 UTC.
constexpr int64_t kMonthEndUs = 1'775'001'599'500'000;

Entry UsageEntry() {
  Entry entry;
  entry.charge_key = {"0123456789abcdef"};
  entry.org = "acme";
  entry.kind = "usage";
  entry.reservation_id = "r1";
  entry.occurred_at_us = entry.recorded_at_us = kMonthEndUs;
  entry.model = "small";
  entry.priced_as = "big";
  entry.service_tier = "batch";
  entry.meter = "input";
  entry.quantity = 7;
  entry.unit_price_nano_per_million = 546'875'000;
  entry.cost_nano_usd = 3'829;
  entry.price_version = "v\"1";
  entry.labels = "{}";
  return entry;
}

std::string Written(EntryWriter& writer, const Entry& entry) {
  std::string text;
  EXPECT_TRUE(writer.Append(entry, &text));
  return text;
}

// By column. No field of the entry may have a comma.
std::map<std::string, std::string> FocusRow(const Entry& entry) {
  const auto writer = FocusWriter({});
  std::string header;
  writer->AppendHeader(&header);
  const std::string row = Written(*writer, entry);
  const std::vector<std::string> names = absl::StrSplit(absl::StripSuffix(header, "\r\n"), ',');
  std::map<std::string, std::string> fields;
  bool quoted = false;
  size_t column = 0;
  for (const char c : std::string(absl::StripSuffix(row, "\r\n"))) {
    if (c == '"') quoted = !quoted;
    if (c == ',' && !quoted) {
      ++column;
    } else {
      fields[names.at(column)] += c;
    }
  }
  EXPECT_EQ(column + 1, names.size());
  return fields;
}

TEST(Focus, AnEntryOfTokens) {
  auto row = FocusRow(UsageEntry());
  EXPECT_EQ(row["BilledCost"], "0.000003829");
  EXPECT_EQ(row["ListCost"], row["BilledCost"]);
  EXPECT_EQ(row["ListUnitPrice"], "0.000000546875");
  EXPECT_EQ(row["PricingQuantity"], "7");
  EXPECT_EQ(row["PricingUnit"], "Tokens");
  EXPECT_EQ(row["BillingPeriodStart"], "2026-03-01T00:00:00Z");
  EXPECT_EQ(row["BillingPeriodEnd"], "2026-04-01T00:00:00Z");
  EXPECT_EQ(row["ChargePeriodStart"], "2026-03-31T23:00:00Z");
  EXPECT_EQ(row["ChargePeriodEnd"], "2026-04-01T00:00:00Z");
  EXPECT_EQ(row["ChargeClass"], "");
  EXPECT_EQ(row["SkuId"], "big/input");
  EXPECT_EQ(row["x_Model"], "small");
  EXPECT_EQ(row["Tags"], "");
  EXPECT_EQ(row["SubAccountId"], "");
}

TEST(Focus, ACorrectionIsOfTheHourThatItCorrects) {
  Entry entry = UsageEntry();
  entry.kind = "correction";
  entry.quantity = 0;
  entry.cost_nano_usd = -3'829;
  entry.reason = "wrong price";
  entry.corrected_at_us = kMonthEndUs - int64_t{86'400} * 1'000'000;
  entry.occurred_at_us += 1'000'000;
  auto row = FocusRow(entry);
  EXPECT_EQ(row["ChargeClass"], "Correction");
  EXPECT_EQ(row["ChargeCategory"], "Usage");
  EXPECT_EQ(row["BilledCost"], "-0.000003829");
  EXPECT_EQ(row["BillingPeriodStart"], "2026-04-01T00:00:00Z");
  EXPECT_EQ(row["ChargePeriodStart"], "2026-03-30T23:00:00Z");
  EXPECT_EQ(row["PricingQuantity"], "");
  EXPECT_EQ(row["ListUnitPrice"], "");
}

TEST(Focus, WhatUsedAndCostNothingIsLeftOut) {
  Entry entry = UsageEntry();
  entry.quantity = entry.cost_nano_usd = 0;
  std::string text;
  EXPECT_FALSE(FocusWriter({})->Append(entry, &text));
  EXPECT_EQ(text, "");
}

TEST(EntryFiles, CsvQuotesWhatNeedsIt) {
  std::string text;
  for (const char* field : {"plain", "", "a,b", "say \"hi\"", "two\r\nlines", " blank"}) {
    AppendCsv(field, &text);
    text += '|';
  }
  EXPECT_EQ(text, "plain||\"a,b\"|\"say \"\"hi\"\"\"|\"two\r\nlines\"|\" blank\"|");
}

TEST(EntryFiles, JsonLinesHaveTheColumnsOfTheCsv) {
  Entry entry = UsageEntry();
  entry.labels = R"({"agent":"x"})";
  std::string header;
  CsvWriter()->AppendHeader(&header);
  const std::string json = Written(*JsonLinesWriter(), entry);
  for (const absl::string_view name : absl::StrSplit(absl::StripSuffix(header, "\r\n"), ',')) {
    EXPECT_NE(json.find("\"" + std::string(name) + "\":"), std::string::npos) << name;
  }
  EXPECT_NE(json.find(R"("quantity":"7","usd_per_million":"0.546875","cost_usd":"0.000003829")"),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("price_version":"v\"1")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("labels":{"agent":"x"})"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("late":false)"), std::string::npos) << json;
  EXPECT_TRUE(json.ends_with("\"corrects_key\":null,\"reason\":null}\n")) << json;
}

TEST(EntryFiles, TimesBeforeTheEpochRoundDown) {
  EXPECT_EQ(FormatUtcMicros(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatUtcSeconds(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(FormatUtcMicros(kMonthEndUs), "2026-03-31T23:59:59.500000Z");
}

}  // namespace
}  // namespace quotaplane::reports
