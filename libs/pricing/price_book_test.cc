#include "libs/pricing/price_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace quotaplane {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kDay = int64_t{86'400} * 1'000'000;

PriceEntry Entry(std::string model, int64_t from_day, int64_t input = 1) {
  PriceEntry entry;
  entry.model = std::move(model);
  entry.from_us = from_day * kDay;
  entry.by_tier[ServiceTier::kStandard] = {{"input", input}};
  entry.source = "p.yaml:" + std::to_string(from_day);
  return entry;
}

std::string Refusal(std::vector<PriceEntry> entries, std::string version = "v1") {
  absl::Status status = PriceBook::Build(std::move(version), std::move(entries)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(PriceBookTest, FindsTheLatestEntryNotAfterTheInstant) {
  auto book = PriceBook::Build("v1", {Entry("m", 20, 20), Entry("m", 30, 30), Entry("m", 10, 10)});
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ((*book)->version(), "v1");
  EXPECT_EQ((*book)->entries().size(), 3u);
  const auto input_at = [&](int64_t at_us) {
    const PriceEntry* entry = (*book)->Find("m", at_us);
    return entry == nullptr ? -1 : entry->by_tier.at(ServiceTier::kStandard).at("input");
  };
  EXPECT_EQ(input_at(10 * kDay - 1), -1);
  EXPECT_EQ(input_at(10 * kDay), 10);
  EXPECT_EQ(input_at(20 * kDay - 1), 10);
  EXPECT_EQ(input_at(20 * kDay), 20);
  EXPECT_EQ(input_at(30 * kDay), 30);
  EXPECT_EQ(input_at(INT64_MAX), 30);
  EXPECT_EQ(input_at(-1), -1);
  EXPECT_EQ((*book)->Find("M", 30 * kDay), nullptr);
  EXPECT_EQ((*book)->Find("", 30 * kDay), nullptr);
}

TEST(PriceBookTest, AnAliasStandsForItsModelOnEveryDay) {
  std::vector<PriceEntry> entries = {Entry("m", 10), Entry("m", 20), Entry("other", 0)};
  entries[0].aliases = {"m-latest", "m-2025"};
  entries[1].aliases = {"m-2025"};  // repeating one is fine
  auto book = PriceBook::Build("v1", entries);
  ASSERT_TRUE(book.ok()) << book.status();
  for (const char* name : {"m-latest", "m-2025"}) {
    for (int64_t day : {5, 15, 25}) {
      EXPECT_EQ((*book)->Find(name, day * kDay), (*book)->Find("m", day * kDay)) << name << day;
    }
  }
  ASSERT_NE((*book)->Find("m-latest", 25 * kDay), nullptr);
  EXPECT_EQ((*book)->Find("m-latest", 25 * kDay)->from_us, 20 * kDay);
}

TEST(PriceBookTest, TwoEntriesOfOneModelAndDay) {
  EXPECT_EQ(Refusal({Entry("m", 10), Entry("x", 10), Entry("m", 10)}),
            "p.yaml:10: \"m\": has two entries from one day; the other one is at p.yaml:10");
}

TEST(PriceBookTest, OneNameOneModel) {
  std::vector<PriceEntry> entries = {Entry("a", 1), Entry("b", 2)};
  entries[0].aliases = {"latest"};
  entries[1].aliases = {"latest"};
  EXPECT_EQ(Refusal(entries), "p.yaml:2: \"b\": alias \"latest\" is already that of \"a\"");
  entries[1].aliases = {"a"};
  EXPECT_EQ(Refusal(entries), "p.yaml:2: \"b\": alias \"a\" is a model of the book already");
  entries[1].aliases = {"b"};
  EXPECT_EQ(Refusal(entries), "p.yaml:2: \"b\": alias \"b\" is a model of the book already");
  entries[0].aliases = {"b"};  // a model named later on
  entries[1].aliases = {};
  EXPECT_EQ(Refusal(entries), "p.yaml:1: \"a\": alias \"b\" is a model of the book already");
}

TEST(PriceBookTest, PricesMustBeThereAndNotNegative) {
  PriceEntry none = Entry("m", 1);
  none.by_tier.clear();
  EXPECT_THAT(Refusal({none}), HasSubstr("no standard prices"));
  none.by_tier[ServiceTier::kBatch] = {{"input", 1}};
  EXPECT_THAT(Refusal({none}), HasSubstr("no standard prices"));
  none.by_tier[ServiceTier::kStandard] = {};
  EXPECT_THAT(Refusal({none}), HasSubstr("a tier or long context without a price"));
  EXPECT_EQ(Refusal({Entry("m", 1, -1)}), "p.yaml:1: \"m\": the price of \"input\" is negative");
  PriceEntry longer = Entry("m", 1);
  longer.long_context = {{5, {}}};
  EXPECT_EQ(Refusal({longer}), "p.yaml:1: \"m\": has a long context without a price");
  longer.long_context = {{5, {{ServiceTier::kFlex, {{"output", -2}}}}}};
  EXPECT_EQ(Refusal({longer}), "p.yaml:1: \"m\": the price of \"output\" is negative");
}

TEST(PriceBookTest, ThresholdsAscend) {
  const std::map<ServiceTier, MeterPrices> prices = {{ServiceTier::kStandard, {{"input", 1}}}};
  PriceEntry entry = Entry("m", 1);
  entry.long_context = {{200, prices}, {200, prices}};
  EXPECT_THAT(Refusal({entry}), HasSubstr("ascend; 200 comes after 200"));
  entry.long_context = {{0, prices}};
  EXPECT_THAT(Refusal({entry}), HasSubstr("above 0"));
  entry.long_context = {{100, prices}, {200, prices}};
  EXPECT_TRUE(PriceBook::Build("v", {entry}).ok());
}

TEST(PriceBookTest, NamesAndDates) {
  EXPECT_THAT(Refusal({Entry("", 1)}), HasSubstr("the model's name"));
  EXPECT_THAT(Refusal({Entry(std::string(129, 'm'), 1)}), HasSubstr("the model's name"));
  EXPECT_THAT(Refusal({Entry("a\nb", 1)}), HasSubstr("\"a\\nb\": the model's name"));
  EXPECT_TRUE(PriceBook::Build("v", {Entry(std::string(128, 'm'), 1)}).ok());
  EXPECT_THAT(Refusal({Entry("m", 1)}, ""), HasSubstr("version"));
  EXPECT_THAT(Refusal({Entry("m", 1)}, std::string(129, 'v')), HasSubstr("version"));

  PriceEntry alias = Entry("m", 1);
  alias.aliases = {""};
  EXPECT_THAT(Refusal({alias}), HasSubstr("alias \"\" must have"));
  PriceEntry meter = Entry("m", 1);
  meter.by_tier[ServiceTier::kStandard]["Web-Search"] = 1;
  EXPECT_THAT(Refusal({meter}), HasSubstr("meter \"Web-Search\" must match"));
  for (int64_t from_us : {int64_t{1}, -kDay, kDay - 1, 2'932'897 * kDay, INT64_MIN}) {
    PriceEntry entry = Entry("m", 0);
    entry.from_us = from_us;
    EXPECT_THAT(Refusal({entry}), HasSubstr("midnight UTC")) << from_us;
  }
}

TEST(PriceBookTest, EveryProblemIsALineUpToFifty) {
  std::vector<PriceEntry> entries;
  for (int i = 0; i < 60; ++i) entries.push_back(Entry("m" + std::to_string(i), i, -1));
  const std::string message = Refusal(entries);
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 49);
  EXPECT_THAT(message, HasSubstr("p.yaml:7: \"m7\": the price of \"input\" is negative\n"));
}

TEST(PriceBookTest, AnEmptyBookKnowsNothing) {
  auto book = PriceBook::Build("v", {});
  ASSERT_TRUE(book.ok());
  EXPECT_EQ((*book)->Find("m", kDay), nullptr);
}

TEST(MeterNameTest, Grammar) {
  for (const char* good : {"a", "input", "web_search_requests", "mcp2", "a_", "reasoning_tokens"}) {
    EXPECT_EQ(MeterNameProblem(good), "") << good;
  }
  for (const char* bad : {"", "_a", "2a", "A", "a-b", "a b", "\u00e4", "a.b"}) {
    EXPECT_THAT(MeterNameProblem(bad), HasSubstr("must match")) << bad;
  }
  EXPECT_EQ(MeterNameProblem(std::string(63, 'a')), "");
  EXPECT_THAT(MeterNameProblem(std::string(64, 'a')), HasSubstr("must match"));
  EXPECT_THAT(MeterNameProblem("input_tokens"), HasSubstr("the meter is \"input\""));
  EXPECT_THAT(MeterNameProblem("output_tokens"), HasSubstr("the meter is \"output\""));
  EXPECT_THAT(MeterNameProblem("total_tokens"), HasSubstr("unit of limits"));
  EXPECT_TRUE(IsTokenMeter("cache_write_1h"));
  EXPECT_FALSE(IsTokenMeter("cache_write"));
}

}  // namespace
}  // namespace quotaplane
