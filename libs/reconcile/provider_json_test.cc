// Exports of Anthropic and OpenAI: what is read, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "libs/reconcile/anthropic.h"
#include "libs/reconcile/openai.h"

namespace quotaplane::reconcile {
namespace {

using ::testing::HasSubstr;

constexpr char kAnthropicUsage[] = R"({"data": [
  {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-02T00:00:00Z", "results": [
    {"uncached_input_tokens": 1500, "cache_creation": {"ephemeral_1h_input_tokens": 1000,
      "ephemeral_5m_input_tokens": 500}, "cache_read_input_tokens": 200, "output_tokens": 300,
      "server_tool_use": {"web_search_requests": 10}, "api_key_id": null, "workspace_id": null,
      "model": "claude-sonnet-4-5-20250929", "service_tier": "batch", "context_window": "0-200k"}]},
  {"starting_at": "2026-11-02T00:00:00Z", "ending_at": "2026-11-03T00:00:00Z", "results": []}],
  "has_more": false, "next_page": null})";

constexpr char kAnthropicCost[] = R"({"data": [
  {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-02T00:00:00Z", "results": [
    {"currency": "USD", "amount": "123.78912", "workspace_id": null, "description": "Usage",
     "cost_type": "tokens", "context_window": "0-200k", "model": "claude-sonnet-4-5",
     "service_tier": "standard", "token_type": "cache_creation.ephemeral_1h_input_tokens"},
    {"currency": "USD", "amount": "30", "cost_type": "web_search", "model": null}]}],
  "has_more": true, "next_page": "page_2"})";

constexpr char kOpenAiUsage[] = R"({"object": "page", "data": [
  {"object": "bucket", "start_time": 1761955200, "end_time": 1762041600, "results": [
    {"object": "organization.usage.completions.result", "input_tokens": 1000,
     "input_cached_tokens": 800, "output_tokens": 500, "num_model_requests": 5,
     "model": "gpt-4o-2024-08-06", "batch": true}]}], "has_more": false, "next_page": null})";

constexpr char kOpenAiCost[] = R"({"object": "page", "data": [
  {"object": "bucket", "start_time": 1761955200, "end_time": 1762041600, "results": [
    {"object": "organization.costs.result", "amount": {"value": 0.06000000000000001,
     "currency": "usd"}, "line_item": "gpt-4o-2024-08-06, cached input", "project_id": null},
    {"object": "organization.costs.result", "amount": {"value": 1.5, "currency": "usd"},
     "line_item": null}]}], "has_more": false})";

const ProviderRow* Find(const ProviderReport& report, const std::string& meter) {
  for (const ProviderRow& row : report.rows) {
    if (row.meter == meter) return &row;
  }
  return nullptr;
}

TEST(AnthropicExport, Usage) {
  const auto report = ReadAnthropic(kAnthropicUsage);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->has_usage);
  EXPECT_FALSE(report->has_cost);
  EXPECT_FALSE(report->usage_goes_on);
  EXPECT_EQ(report->from, absl::CivilDay(2026, 11, 1));
  EXPECT_EQ(report->to, absl::CivilDay(2026, 11, 3));
  ASSERT_EQ(report->rows.size(), 6u);
  for (const auto& [meter, quantity] : {std::pair("input", 1500),
                                        {"cache_read", 200},
                                        {"cache_write_5m", 500},
                                        {"cache_write_1h", 1000},
                                        {"output", 300},
                                        {"web_search_requests", 10}}) {
    const ProviderRow* const row = Find(*report, meter);
    ASSERT_NE(row, nullptr) << meter;
    EXPECT_EQ(row->quantity, quantity);
    EXPECT_EQ(row->model, "claude-sonnet-4-5-20250929");
    EXPECT_EQ(row->tier, "batch");
    EXPECT_EQ(row->day, absl::CivilDay(2026, 11, 1));
    EXPECT_FALSE(row->cost_nano_usd.has_value());
  }
}

TEST(AnthropicExport, AmountsAreCents) {
  const auto report = ReadAnthropic(kAnthropicCost);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->has_cost);
  EXPECT_TRUE(report->cost_goes_on);
  ASSERT_EQ(report->rows.size(), 2u);
  const ProviderRow* const tokens = Find(*report, "cache_write_1h");
  ASSERT_NE(tokens, nullptr);
  EXPECT_EQ(tokens->cost_nano_usd, 1'237'891'200);
  EXPECT_EQ(tokens->rounding_nano_usd, 100);  // 123.78912 cents: a hundred-thousandth of a cent
  const ProviderRow* const searches = Find(*report, "web_search");
  ASSERT_NE(searches, nullptr);
  EXPECT_EQ(searches->model, "");
  EXPECT_EQ(searches->cost_nano_usd, 300'000'000);
  EXPECT_EQ(searches->rounding_nano_usd, 10'000'000);
}

TEST(OpenAiExport, CachedTokensAreTakenOutOfInput) {
  const auto report = ReadOpenAi(kOpenAiUsage);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->has_usage);
  EXPECT_EQ(Find(*report, "input")->quantity, 200);
  EXPECT_EQ(Find(*report, "cache_read")->quantity, 800);
  EXPECT_EQ(Find(*report, "output")->quantity, 500);
  EXPECT_EQ(Find(*report, "output")->tier, "batch");
  EXPECT_EQ(Find(*report, "output")->day, absl::CivilDay(2025, 11, 1));
}

TEST(OpenAiExport, NoiseOfDoublesIsRounded) {
  const auto report = ReadOpenAi(kOpenAiCost);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->rows.size(), 2u);
  EXPECT_EQ(report->rows[0].cost_nano_usd, 60'000'000);
  EXPECT_EQ(report->rows[0].model, "gpt-4o-2024-08-06");
  EXPECT_EQ(report->rows[0].meter, "cache_read");
  EXPECT_EQ(report->rows[1].cost_nano_usd, 1'500'000'000);
  EXPECT_EQ(report->rows[1].model, "");
}

std::string RefusalOf(const absl::StatusOr<ProviderReport>& report) {
  EXPECT_TRUE(absl::IsInvalidArgument(report.status())) << report.status();
  return std::string(report.status().message());
}

std::string Anthropic(const char* text, const char* what, const char* with) {
  return RefusalOf(ReadAnthropic(absl::StrReplaceAll(text, {{what, with}})));
}

TEST(JsonExports, WhatIsWrongIsNamedWithItsPlace) {
  EXPECT_THAT(Anthropic(kAnthropicUsage, "300", "-3"),
              HasSubstr("data[0].results[0].output_tokens is \"-3\"; expected a whole number"));
  EXPECT_THAT(Anthropic(kAnthropicUsage, "300", "1.5"), HasSubstr("output_tokens is \"1.5\""));
  EXPECT_THAT(Anthropic(kAnthropicUsage, "300", "\"many\""), HasSubstr("output_tokens must be a"));
  EXPECT_THAT(Anthropic(kAnthropicUsage, "300", "9007199254740992"), HasSubstr("2^53-1"));
  EXPECT_THAT(Anthropic(kAnthropicUsage, "1000,", "[1],"),
              HasSubstr("data[0].results[0].cache_creation.ephemeral_1h_input_tokens"));
  EXPECT_THAT(Anthropic(kAnthropicUsage, "\"2026-11-02T00:00:00Z\", \"ending_at\"",
                        "\"yesterday\", \"ending_at\""),
              HasSubstr("data[1].starting_at must be a time"));
  EXPECT_THAT(Anthropic(kAnthropicUsage, "2026-11-03", "2026-12-03"),
              HasSubstr("data[1].ending_at does not end within the UTC day"));
  EXPECT_THAT(Anthropic(kAnthropicUsage, "\"results\": []", "\"results\": {}"),
              HasSubstr("data[1].results must be a list"));
  EXPECT_THAT(Anthropic(kAnthropicCost, "\"123.78912\"", "\"1,5\""),
              HasSubstr("data[0].results[0].amount is \"1,5\"; expected US cents"));
  EXPECT_THAT(Anthropic(kAnthropicCost, "\"123.78912\"", "\"1e40\""), HasSubstr("amount is"));
  EXPECT_THAT(Anthropic(kAnthropicCost, "\"USD\"", "\"EUR\""), HasSubstr("currency is \"EUR\""));
  EXPECT_THAT(Anthropic(kAnthropicCost, "\"amount\"", "\"Amount\""), HasSubstr("neither usage"));
  EXPECT_THAT(
      RefusalOf(ReadOpenAi(absl::StrReplaceAll(kOpenAiUsage, {{"800", "1001"}}))),
      HasSubstr("data[0].results[0].input_tokens is 1000, less than its cached part, 1001"));
  EXPECT_THAT(RefusalOf(ReadOpenAi(kAnthropicUsage)), HasSubstr("data[0].start_time must be"));
}

TEST(JsonExports, WhatIsNoExportIsRefused) {
  EXPECT_THAT(RefusalOf(ReadAnthropic("")), HasSubstr("not valid JSON"));
  EXPECT_THAT(RefusalOf(ReadAnthropic("{\"data\": [")), HasSubstr("not valid JSON at byte"));
  EXPECT_THAT(RefusalOf(ReadAnthropic("[]")), HasSubstr("an object with a list `data`"));
  EXPECT_THAT(RefusalOf(ReadAnthropic("{\"data\": 7}")), HasSubstr("data must be a list"));
  EXPECT_THAT(RefusalOf(ReadAnthropic("{\"data\": [], \"data\": []}")),
              HasSubstr("\"data\" twice"));
  EXPECT_THAT(RefusalOf(ReadAnthropic("{\"data\": [], \"has_more\": 1}")), HasSubstr("has_more"));
  EXPECT_THAT(RefusalOf(ReadAnthropic(std::string(100, '['))), HasSubstr("levels of nesting"));
}

TEST(ProviderReport, PagesMakeAWhole) {
  auto first = ReadAnthropic(kAnthropicCost), usage = ReadAnthropic(kAnthropicUsage);
  ASSERT_TRUE(first.ok() && usage.ok());
  ASSERT_TRUE(first->Add(*usage).ok());
  EXPECT_TRUE(first->cost_goes_on);  // usage is no page of the costs
  auto last = ReadAnthropic(absl::StrReplaceAll(
      kAnthropicCost,
      {{"\"has_more\": true", "\"has_more\": false"}, {"-01T", "-04T"}, {"-02T", "-05T"}}));
  ASSERT_TRUE(last.ok()) << last.status();
  ASSERT_TRUE(first->Add(*last).ok());
  EXPECT_FALSE(first->cost_goes_on);
  EXPECT_TRUE(first->has_cost && first->has_usage);
  EXPECT_EQ(first->rows.size(), 10u);
  EXPECT_EQ(first->to, absl::CivilDay(2026, 11, 5));
}

}  // namespace
}  // namespace quotaplane::reconcile
