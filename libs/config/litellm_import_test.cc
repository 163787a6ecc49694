#include "libs/config/litellm_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "libs/config/litellm_json.h"
#include "libs/config/price_book_reader.h"
#include "libs/config/prices_testing.h"
#include "libs/money/decimal.h"

namespace quotaplane {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr int64_t kDay = int64_t{86'400} * 1'000'000;
constexpr int64_t kFrom = 20'000 * kDay;

LitellmImport Import(std::string_view json) {
  absl::StatusOr<LitellmImport> import = ImportLitellm(json, kFrom);
  EXPECT_TRUE(import.ok()) << import.status();
  return import.ok() ? *std::move(import) : LitellmImport{};
}

// The one entry of a map with one model.
PriceEntry ImportOne(const std::string& prices) {
  LitellmImport import = Import("{\"m\": " + prices + "}");
  EXPECT_EQ(import.entries.size(), 1u);
  return import.entries.empty() ? PriceEntry{} : import.entries[0];
}

auto SkippedAs(std::string model, std::string key, std::string reason) {
  return AllOf(Field(&LitellmImport::Skipped::model, model),
               Field(&LitellmImport::Skipped::key, key),
               Field(&LitellmImport::Skipped::reason, HasSubstr(reason)));
}

TEST(LitellmImportTest, TokenPricesOfEveryTierAndLength) {
  const PriceEntry entry = ImportOne(R"({
    "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
    "cache_read_input_token_cost": 3e-07, "cache_creation_input_token_cost": 3.75e-06,
    "cache_creation_input_token_cost_above_1hr": 6e-06,
    "input_cost_per_token_above_200k_tokens": 6e-06,
    "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
    "output_cost_per_token_above_1000k_tokens": 4e-05,
    "input_cost_per_token_batches": 1.5e-06, "output_cost_per_token_priority": 3e-05,
    "cache_read_input_token_cost_flex": 1.5e-07,
    "cache_creation_input_token_cost_above_200k_tokens_flex": 3e-06,
    "input_cost_per_token_above_200k_tokens_priority": 1.2e-05})");
  EXPECT_EQ(entry.model, "m");
  EXPECT_EQ(entry.from_us, kFrom);
  EXPECT_THAT(
      entry.by_tier,
      ElementsAre(
          Pair(ServiceTier::kStandard,
               ElementsAre(Pair("cache_read", 300'000'000), Pair("cache_write_1h", 6'000'000'000),
                           Pair("cache_write_5m", 3'750'000'000), Pair("input", 3'000'000'000),
                           Pair("output", 15'000'000'000))),
          Pair(ServiceTier::kBatch, ElementsAre(Pair("input", 1'500'000'000))),
          Pair(ServiceTier::kPriority, ElementsAre(Pair("output", 30'000'000'000))),
          Pair(ServiceTier::kFlex, ElementsAre(Pair("cache_read", 150'000'000)))));
  ASSERT_EQ(entry.long_context.size(), 2u);
  EXPECT_EQ(entry.long_context[0].above_prompt_tokens, 200'000);
  EXPECT_THAT(
      entry.long_context[0].by_tier,
      ElementsAre(Pair(ServiceTier::kStandard, ElementsAre(Pair("cache_write_1h", 12'000'000'000),
                                                           Pair("input", 6'000'000'000))),
                  Pair(ServiceTier::kPriority, ElementsAre(Pair("input", 12'000'000'000))),
                  Pair(ServiceTier::kFlex, ElementsAre(Pair("cache_write_5m", 3'000'000'000)))));
  EXPECT_EQ(entry.long_context[1].above_prompt_tokens, 1'000'000);
  EXPECT_THAT(
      entry.long_context[1].by_tier,
      ElementsAre(Pair(ServiceTier::kStandard, ElementsAre(Pair("output", 40'000'000'000)))));
}

TEST(LitellmImportTest, DigitsNotDoubles) {
  const LitellmImport import = Import(R"({
    "a": {"input_cost_per_token": 5.46875e-07, "output_cost_per_token": 1.0000000000000002e-06},
    "b": {"input_cost_per_token": 0.000003, "output_cost_per_token": 2},
    "c": {"input_cost_per_token": 1e-16, "output_cost_per_token": 123456789012345678901234567890e-35},
    "d": {"input_cost_per_token": 1e-4000, "output_cost_per_token": -0.0}})");
  ASSERT_EQ(import.entries.size(), 4u);
  const auto prices = [&](int i) { return import.entries[i].by_tier.at(ServiceTier::kStandard); };
  EXPECT_THAT(prices(0), ElementsAre(Pair("input", 546'875'000), Pair("output", 1'000'000'001)));
  EXPECT_THAT(prices(1),
              ElementsAre(Pair("input", 3'000'000'000), Pair("output", 2'000'000'000'000'000)));
  EXPECT_THAT(prices(2), ElementsAre(Pair("input", 1), Pair("output", 1'234'567'891)));
  EXPECT_THAT(prices(3), ElementsAre(Pair("input", 1), Pair("output", 0)));
  EXPECT_EQ(import.exact_prices, 4);
  EXPECT_EQ(import.rounded_prices, 4);
}

TEST(LitellmImportTest, CustomMetersArePricedPerUnit) {
  const PriceEntry same =
      ImportOne(R"({"input_cost_per_token": 1e-6, "search_context_cost_per_query":
      {"search_context_size_low": 0.01, "search_context_size_medium": 0.01, "search_context_size_high": 0.01},
      "citation_cost_per_token": 2e-06, "input_cost_per_query": 0.002, "ocr_cost_per_page": 0.0015,
      "annotation_cost_per_page": 3, "code_interpreter_cost_per_session": 0.03})");
  EXPECT_THAT(
      same.by_tier.at(ServiceTier::kStandard),
      UnorderedElementsAre(
          Pair("input", 1'000'000'000), Pair("web_search_requests", 10'000'000'000'000),
          Pair("citation_tokens", 2'000'000'000), Pair("queries", 2'000'000'000'000),
          Pair("ocr_pages", 1'500'000'000'000), Pair("annotated_pages", 3'000'000'000'000'000),
          Pair("code_interpreter_sessions", 30'000'000'000'000)));
  // One search: a cent.
  absl::StatusOr<PricedUsage> priced =
      PriceUsage(same, ServiceTier::kStandard, {{"web_search_requests", 1}});
  ASSERT_TRUE(priced.ok());
  EXPECT_EQ(priced->cost_nano_usd, 10'000'000);

  const PriceEntry by_size = ImportOne(R"({"search_context_cost_per_query":
      {"search_context_size_low": 0.006, "search_context_size_medium": 0.01, "search_context_size_high": 0.014}})");
  EXPECT_THAT(by_size.by_tier.at(ServiceTier::kStandard),
              UnorderedElementsAre(Pair("web_search_requests", 14'000'000'000'000),
                                   Pair("web_search_requests_low", 6'000'000'000'000),
                                   Pair("web_search_requests_medium", 10'000'000'000'000),
                                   Pair("web_search_requests_high", 14'000'000'000'000)));
}

TEST(LitellmImportTest, SecondNamesOfAPrice) {
  const LitellmImport import = Import(R"({
    "agree": {"input_cost_per_token_cache_hit": 1e-7, "output_cost_per_reasoning_token": 2.0e-6,
              "cache_read_input_token_cost": 1.0e-7, "output_cost_per_token": 2e-6, "input_cost_per_token": 1e-6},
    "alone": {"input_cost_per_token_cache_hit": 1e-7, "output_cost_per_reasoning_token": 2e-6,
              "input_cost_per_token": 1e-6},
    "differ": {"input_cost_per_token_cache_hit": 1e-7, "output_cost_per_reasoning_token": 3e-6,
               "cache_read_input_token_cost": 2e-7, "output_cost_per_token": 2e-6, "input_cost_per_token": 1e-6}})");
  ASSERT_EQ(import.entries.size(), 3u);
  EXPECT_EQ(import.entries[1].by_tier.at(ServiceTier::kStandard).at("cache_read"), 100'000'000);
  EXPECT_THAT(import.skipped,
              ElementsAre(SkippedAs("alone", "output_cost_per_reasoning_token", "price of output"),
                          SkippedAs("differ", "input_cost_per_token_cache_hit",
                                    "differs from the price of cache_read"),
                          SkippedAs("differ", "output_cost_per_reasoning_token",
                                    "differs from the price of output")));
  EXPECT_EQ(import.exact_prices, 3 + 2 + 3);
}

TEST(LitellmImportTest, WhatIsNotTakenOverSaysWhy) {
  const LitellmImport import = Import(R"({"m": {
    "input_cost_per_token": 1e-6, "mode": "chat", "max_tokens": 8192, "supports": {"x_cost": 1},
    "input_cost_per_audio_token": 1e-6, "output_cost_per_image": 0.04, "input_cost_per_second": 0.1,
    "input_cost_per_character": 1e-6, "output_cost_per_video_per_second": 0.1, "input_cost_per_pixel": 1e-9,
    "tiered_pricing": [{"input_cost_per_token": 1, "range": [0, 1]}], "input_dbu_cost_per_token": 1e-6,
    "output_cost_per_token": "0.1", "cache_read_input_token_cost": null,
    "input_cost_per_token_batches": -1e-6, "output_cost_per_token_batches": 1e300,
    "input_cost_per_token_above_xk_tokens": 1, "input_cost_per_token_above_0k_tokens": 1,
    "input_cost_per_token_above_9999999999k_tokens": 1, "input_cost_per_token_above_200k_tokens_gold": 1,
    "output_cost_per_token_flex": true, "output_cost_per_token_priority": {"a": 1},
    "search_context_cost_per_query": {"search_context_size_low": 1, "search_context_size_medium": "x",
                                      "search_context_size_high": 1},
    "input_cost_per_request": 0.005, "file_search_cost_per_1k_calls": 1, "vector_store_cost_per_gb_per_day": 1,
    "strange_price": 1}})");
  ASSERT_EQ(import.entries.size(), 1u);
  EXPECT_THAT(import.entries[0].by_tier,
              ElementsAre(Pair(ServiceTier::kStandard, ElementsAre(Pair("input", 1'000'000'000)))));
  EXPECT_THAT(import.entries[0].long_context, ElementsAre());
  const auto skipped = [](const char* key, const char* reason) {
    return SkippedAs("m", key, reason);
  };
  EXPECT_THAT(
      import.skipped,
      UnorderedElementsAre(
          skipped("input_cost_per_audio_token", "audio"),
          skipped("output_cost_per_image", "images"), skipped("input_cost_per_second", "seconds"),
          skipped("input_cost_per_character", "characters"),
          skipped("output_cost_per_video_per_second", "video"),
          skipped("input_cost_per_pixel", "images"), skipped("tiered_pricing", "ranges"),
          skipped("input_dbu_cost_per_token", "DBU"),
          skipped("output_cost_per_token", "not a number but a text"),
          skipped("cache_read_input_token_cost", "not a number but null"),
          skipped("input_cost_per_token_batches", "negative"),
          skipped("output_cost_per_token_batches", "too large"),
          skipped("input_cost_per_token_above_xk_tokens", "no meter"),
          skipped("input_cost_per_token_above_0k_tokens", "no meter"),
          skipped("input_cost_per_token_above_9999999999k_tokens", "no meter"),
          skipped("input_cost_per_token_above_200k_tokens_gold", "no meter"),
          skipped("output_cost_per_token_flex", "not a number but true"),
          skipped("output_cost_per_token_priority", "not a number but an object"),
          skipped("search_context_cost_per_query", "three prices"),
          skipped("input_cost_per_request", "requests"),
          skipped("file_search_cost_per_1k_calls", "per unit"),
          skipped("vector_store_cost_per_gb_per_day", "storage"),
          skipped("strange_price", "no meter")));
}

TEST(LitellmImportTest, ModelsThatAreSkippedAsAWhole) {
  const LitellmImport import = Import(R"({
    "sample_spec": {"input_cost_per_token": 0.0, "output_cost_per_image": 1},
    "nothing": {"mode": "moderation"},
    "batch-only": {"input_cost_per_token_batches": 1e-6},
    "image": {"input_cost_per_token": 0.0, "output_cost_per_token": 0, "output_cost_per_image": 0.04},
    "free": {"input_cost_per_token": 0.0, "output_cost_per_token": 0, "output_cost_per_image": 0.0},
    "": {"input_cost_per_token": 1e-6},
    "bad\nname": {"input_cost_per_token": 1e-6}})");
  ASSERT_EQ(import.entries.size(), 1u);
  EXPECT_EQ(import.entries[0].model, "free");
  EXPECT_TRUE(IsFree(import.entries[0]));
  EXPECT_THAT(
      import.skipped,
      UnorderedElementsAre(
          SkippedAs("sample_spec", "", "format"), SkippedAs("nothing", "", "no standard price"),
          SkippedAs("batch-only", "", "no standard price"),
          SkippedAs("image", "output_cost_per_image", "images"),
          SkippedAs("image", "", "would be free without output_cost_per_image"),
          SkippedAs("free", "output_cost_per_image", "images"), SkippedAs("", "", "1 to 128 bytes"),
          SkippedAs("bad\\nname", "", "control characters")));
}

TEST(LitellmImportTest, EntriesAreSortedByModel) {
  const LitellmImport import =
      Import(R"({"b": {"input_cost_per_token": 1}, "a": {"input_cost_per_token": 1}})");
  ASSERT_EQ(import.entries.size(), 2u);
  EXPECT_EQ(import.entries[0].model, "a");
}

TEST(LitellmImportTest, TheDayMustBeADay) {
  for (int64_t from_us : {int64_t{-1}, kFrom + 1, -kDay}) {
    const absl::Status status =
        ImportLitellm(R"({"m": {"input_cost_per_token": 1}})", from_us).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("midnight UTC"));
  }
}

std::string Refusal(std::string_view json) {
  const absl::Status status = ImportLitellm(json, kFrom).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << json.substr(0, 100);
  EXPECT_LT(status.message().size(), 500u);
  return std::string(status.message());
}

TEST(LitellmImportTest, HostileInputIsRefusedWithItsPlace) {
  for (const char* json : {"",
                           " ",
                           "{",
                           "}",
                           "{\"m\"",
                           "{\"m\":}",
                           "{\"m\": {\"a_cost\": }}",
                           "{\"m\": {\"a_cost\": NaN}}",
                           "{\"m\": {\"a_cost\": Infinity}}",
                           "{\"m\": {\"a_cost\": 01}}",
                           "{\"m\": {\"a_cost\": 1.}}",
                           "{\"m\": {\"a_cost\": .5}}",
                           "{\"m\": {\"a_cost\": 0x1}}",
                           "{} {}",
                           "{},",
                           "{\"m\": {},}",
                           "{\"\\ud800\": {}}",
                           "{\"\xff\": {}}",
                           "{'m': {}}",
                           "// c\n{}"}) {
    EXPECT_THAT(Refusal(json), HasSubstr("not valid JSON at byte ")) << json;
  }
  EXPECT_THAT(Refusal("{\"m\": {\"a_cost\": 1e400}}"),
              HasSubstr("number overflow parsing '1e400'"));
  EXPECT_THAT(Refusal("[]"), HasSubstr("must be an object of objects"));
  EXPECT_THAT(Refusal("3"), HasSubstr("must be an object of objects"));
  EXPECT_THAT(Refusal("null"), HasSubstr("must be an object of objects"));
  EXPECT_THAT(Refusal("{\"m\": 3}"),
              HasSubstr("the value of \"m\" must be an object of prices, not 3"));
  EXPECT_THAT(Refusal("{\"m\": []}"), HasSubstr("not a list"));
  EXPECT_THAT(Refusal("{\"m\": \"x\"}"), HasSubstr("not a text"));
  EXPECT_THAT(Refusal("{\"m\": {}, \"m\": {}}"), HasSubstr("duplicate key \"m\""));
  EXPECT_THAT(Refusal("{\"m\": {\"a_cost\": 1, \"a_cost\": 1}}"),
              HasSubstr("duplicate key \"a_cost\" in \"m\""));
  EXPECT_THAT(Refusal("{\"m\": {\"x\": {\"y\": 1, \"y\": 1}}}"),
              HasSubstr("duplicate key \"y\" in \"m\""));
}

TEST(LitellmImportTest, BoundsAreSaid) {
  EXPECT_THAT(Refusal("{\"m\": {\"x\": " + std::string(1'000'000, '[')),
              HasSubstr("more than 32 levels of nesting in \"m\""));
  std::string objects = "{\"m\": ";
  for (int i = 0; i < 100'000; ++i) objects += "{\"x\": ";
  EXPECT_THAT(Refusal(objects), HasSubstr("more than 32 levels"));
  EXPECT_THAT(Refusal(std::string(100'000'000, ' ')),
              HasSubstr("100000000 bytes; at most 16777216 are read"));
  std::string models = "{";
  for (size_t i = 0; i <= kMaxPriceMapModels; ++i) models += "\"" + std::to_string(i) + "\":{},";
  EXPECT_THAT(Refusal(models), HasSubstr("more than 100000 models"));
  std::string prices = "{\"m\":{";
  for (size_t i = 0; i <= kMaxPriceMapPrices; ++i) prices += "\"" + std::to_string(i) + "cost\":0,";
  EXPECT_THAT(Refusal(prices), HasSubstr("more than 1000000 prices"));
  // A number of a million digits is a number.
  EXPECT_EQ(ImportOne("{\"input_cost_per_token\": 0." + std::string(1'000'000, '0') + "1}")
                .by_tier.at(ServiceTier::kStandard)
                .at("input"),
            1);
}

// Whatever a damaged file says, the import ends with a book that can be built and written, or with
// INVALID_ARGUMENT.
TEST(LitellmImportTest, SurvivesMutations) {
  constexpr uint64_t kSeed = 2986;
  const std::string map = R"({"sample_spec": {"input_cost_per_token": 0.0},
    "claude": {"input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "tiered_pricing": [{"range": [0, 2.5]}],
      "input_cost_per_token_above_200k_tokens": 6e-06, "cache_read_input_token_cost": 3.0e-7,
      "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.02,
      "search_context_size_high": 0.03}, "supports": [true, null], "mode": "chat"},
    "gpt\u00e9": {"input_cost_per_token": 1.25E-6, "output_cost_per_token_batches": 5e-6, "max": 128000}})";
  const std::string_view kPieces[] = {"{",           "}",
                                      "[",           "]",
                                      ",",           ":",
                                      "\"",          "-",
                                      "e",           "9",
                                      "0",           ".",
                                      "null",        "1e400",
                                      "\\u0000",     "\xff",
                                      "_cost",       "e-99999999999",
                                      "\"claude\":", "_above_1k_tokens"};
  std::mt19937_64 random(kSeed);
  int imported = 0, refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string mutant = map;
    for (uint64_t n = 1 + random() % 4; n > 0; --n) {
      const size_t at = random() % mutant.size();
      switch (random() % 4) {
        case 0:
          mutant.erase(at, 1 + random() % 8);
          break;
        case 1:
          mutant.insert(at, kPieces[random() % std::size(kPieces)]);
          break;
        case 2:
          mutant[at] = static_cast<char>(random());
          break;
        case 3:
          mutant.insert(at, mutant.substr(random() % mutant.size(), random() % 40));
          break;
      }
    }
    absl::StatusOr<LitellmImport> import = ImportLitellm(mutant, kFrom);
    if (!import.ok()) {
      ++refused;
      ASSERT_EQ(import.status().code(), absl::StatusCode::kInvalidArgument) << mutant;
      continue;
    }
    ++imported;
    auto book = PriceBook::Build("v", import->entries);
    ASSERT_TRUE(book.ok()) << "seed " << kSeed << ", step " << i << ": " << book.status() << "\n"
                           << mutant;
    auto back = ParsePriceBook(WritePriceBook(**book), "back.yaml");
    ASSERT_TRUE(back.ok()) << "seed " << kSeed << ", step " << i << ": " << back.status() << "\n"
                           << mutant;
  }
  EXPECT_GT(imported, 1000);
  EXPECT_GT(refused, 1000);
}

// The premise of keeping prices as integers of nano-USD per million: of all prices per token in the
// map, whatever the modality, only float noise isn't one.
TEST(LitellmImportTest, NearlyEveryPricePerTokenIsAnInteger) {
  std::optional<std::string> map = ReadTestdata("prices/litellm_model_prices.json");
  if (!map) return;
  absl::StatusOr<std::vector<RawModel>> models = ReadPriceMap(*map);
  ASSERT_TRUE(models.ok()) << models.status();
  int exact = 0, rounded = 0;
  for (const RawModel& model : *models) {
    if (model.name == "sample_spec") continue;
    for (const RawPrice& price : model.prices) {
      if (price.kind != RawPrice::Kind::kNumber) continue;
      if (price.key.find("token") == std::string::npos) continue;
      absl::StatusOr<ScaledDecimal> scaled = ParseDecimal(price.text, 15);
      ASSERT_TRUE(scaled.ok()) << model.name << " " << price.key << ": " << scaled.status();
      ++(scaled->exact ? exact : rounded);
    }
  }
  EXPECT_EQ(exact, 7519);
  EXPECT_EQ(rounded, 38);
}

TEST(LitellmImportTest, TheCommunityMap) {
  std::optional<std::string> map = ReadTestdata("prices/litellm_model_prices.json");
  if (!map) return;
  const LitellmImport import = Import(*map);

  // Nothing is lost without a word: a model is an entry or is skipped as a whole, never both.
  std::set<std::string> entries, skipped_models;
  for (const PriceEntry& entry : import.entries) entries.insert(entry.model);
  for (const LitellmImport::Skipped& each : import.skipped) {
    EXPECT_FALSE(each.reason.empty()) << each.model;
    if (each.key.empty()) skipped_models.insert(each.model);
  }
  EXPECT_EQ(entries.size(), 2542u);
  EXPECT_EQ(skipped_models.size(), 444u);
  EXPECT_EQ(entries.size() + skipped_models.size(), 2986u);
  EXPECT_EQ(import.exact_prices, 7116);
  EXPECT_EQ(import.rounded_prices, 31);

  auto book = PriceBook::Build("imported", import.entries);
  ASSERT_TRUE(book.ok()) << book.status();
  const PriceEntry* sonnet = (*book)->Find("claude-sonnet-4-5", kFrom);
  ASSERT_NE(sonnet, nullptr);
  EXPECT_EQ(sonnet->by_tier.at(ServiceTier::kStandard).at("input"), 3'000'000'000);
  EXPECT_EQ(sonnet->long_context.at(0).by_tier.at(ServiceTier::kStandard).at("output"),
            22'500'000'000);

  auto back = ParsePriceBook(WritePriceBook(**book), "imported.yaml");
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ((*back)->entries().size(), import.entries.size());
  for (size_t i = 0; i < import.entries.size(); ++i) {
    ASSERT_TRUE(SamePrices((*back)->entries()[i], import.entries[i])) << import.entries[i].model;
  }
}

}  // namespace
}  // namespace quotaplane
