#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "libs/config/litellm_import.h"
#include "libs/config/price_book_reader.h"
#include "libs/config/prices_testing.h"

namespace quotaplane {
namespace {

constexpr int64_t kDay = int64_t{86'400} * 1'000'000;
constexpr int64_t kNov2026 = 20'758 * kDay;  // 2026-11-01

const PriceEntry* FindNow(std::string_view model) {
  return DefaultPriceBook()->Find(model, kNov2026);
}

TEST(DefaultPricesTest, SonnetAtThreeAndFifteen) {
  const PriceEntry* entry = FindNow("claude-sonnet-4-5");
  ASSERT_NE(entry, nullptr);
  absl::StatusOr<PricedUsage> priced =
      PriceUsage(*entry, ServiceTier::kStandard, {{"input", 1'000'000 / 8}, {"output", 1'000'000}});
  ASSERT_TRUE(priced.ok());
  EXPECT_EQ(priced->cost_nano_usd, 3'000'000'000 / 8 + 15'000'000'000);
  EXPECT_EQ(FindNow("claude-sonnet-4-5-20250929"), entry);
}

TEST(DefaultPricesTest, ADatedPriceCut) {
  const auto input_on = [](int64_t day) {
    return DefaultPriceBook()
        ->Find("o3", day * kDay)
        ->by_tier.at(ServiceTier::kStandard)
        .at("input");
  };
  EXPECT_EQ(input_on(20'248), 10'000'000'000);  // 2025-06-09
  EXPECT_EQ(input_on(20'249), 2'000'000'000);
}

TEST(DefaultPricesTest, WhatEveryBookShouldHave) {
  for (const char* model : {"claude-opus-4-1",
                            "claude-opus-4-5",
                            "claude-sonnet-4",
                            "claude-haiku-4-5",
                            "claude-3-5-haiku",
                            "gpt-5",
                            "gpt-5-mini",
                            "gpt-5-nano",
                            "gpt-4.1",
                            "gpt-4.1-mini",
                            "gpt-4.1-nano",
                            "gpt-4o",
                            "gpt-4o-mini",
                            "o3",
                            "o4-mini",
                            "text-embedding-3-small",
                            "text-embedding-3-large",
                            "gemini-2.5-pro",
                            "gemini-2.5-flash",
                            "gemini-2.5-flash-lite"}) {
    ASSERT_NE(FindNow(model), nullptr) << model;
    EXPECT_FALSE(IsFree(*FindNow(model))) << model;
    EXPECT_TRUE(FindNow(model)->by_tier.count(ServiceTier::kBatch)) << model;
  }
  for (const char* model : {"claude-sonnet-4", "claude-sonnet-4-5", "gemini-2.5-pro"}) {
    ASSERT_EQ(FindNow(model)->long_context.size(), 1u) << model;
    EXPECT_EQ(FindNow(model)->long_context[0].above_prompt_tokens, 200'000) << model;
  }
}

// Slips of the pen that a reader of the file would not see.
TEST(DefaultPricesTest, PricesAreInProportion) {
  const auto price = [](const MeterPrices& prices,
                        std::string_view meter) -> std::optional<int64_t> {
    auto found = prices.find(meter);
    return found == prices.end() ? std::nullopt : std::optional(found->second);
  };
  for (const PriceEntry& entry : DefaultPriceBook()->entries()) {
    const MeterPrices& standard = entry.by_tier.at(ServiceTier::kStandard);
    const std::optional<int64_t> input = price(standard, "input");
    ASSERT_TRUE(input) << entry.model;
    EXPECT_LE(price(standard, "cache_read").value_or(0), *input / 2) << entry.model;
    EXPECT_GT(price(standard, "output").value_or(INT64_MAX), *input) << entry.model;
    for (const auto& [tier, prices] : entry.by_tier) {
      if (tier != ServiceTier::kBatch && tier != ServiceTier::kFlex) continue;
      for (const auto& [meter, half] : prices) {
        // A cent per million is what lists round by.
        EXPECT_LE(std::abs(half * 2 - standard.at(meter)), 10'000'000)
            << entry.model << " " << meter;
      }
    }
    for (const LongContextPrices& each : entry.long_context) {
      for (const auto& [meter, longer] : each.by_tier.at(ServiceTier::kStandard)) {
        EXPECT_GT(longer, standard.at(meter)) << entry.model << " " << meter;
      }
    }
    if (entry.model.rfind("claude-", 0) == 0) {
      const bool rounded = entry.model == "claude-3-haiku";
      if (!rounded) {
        EXPECT_EQ(standard.at("cache_read") * 10, *input) << entry.model;
        EXPECT_EQ(standard.at("cache_write_5m") * 4, *input * 5) << entry.model;
      }
      EXPECT_EQ(standard.at("cache_write_1h"), *input * 2) << entry.model;
      for (const auto& [meter, half] : entry.by_tier.at(ServiceTier::kBatch)) {
        EXPECT_EQ(half * 2, standard.at(meter)) << entry.model << " " << meter;
      }
    }
  }
}

TEST(DefaultPricesTest, AgreesWithTheCommunityMap) {
  std::optional<std::string> map = ReadTestdata("prices/litellm_model_prices.json");
  if (!map) return;
  absl::StatusOr<LitellmImport> import = ImportLitellm(*map, kNov2026);
  ASSERT_TRUE(import.ok()) << import.status();
  std::map<std::string, const PriceEntry*> theirs;
  for (const PriceEntry& entry : import->entries) theirs[entry.model] = &entry;

  std::set<std::string> compared;
  for (const PriceEntry& named : DefaultPriceBook()->entries()) {
    std::vector<std::string> names = named.aliases;
    names.push_back(named.model);
    const PriceEntry* ours = FindNow(named.model);
    ASSERT_NE(ours, nullptr) << named.model;
    for (const std::string& name : names) {
      // Without the prefix, Gemini's names are those of another platform with prices of its own.
      auto found = theirs.find("gemini/" + name);
      if (found == theirs.end()) found = theirs.find(name);
      if (found == theirs.end()) continue;
      compared.insert(named.model);
      for (const char* meter : {"input", "output"}) {
        EXPECT_EQ(
            PriceUsage(*ours, ServiceTier::kStandard, {{meter, 100'000}})->cost_nano_usd,
            PriceUsage(*found->second, ServiceTier::kStandard, {{meter, 100'000}})->cost_nano_usd)
            << name << " " << meter;
      }
      // Where both know a long context, it begins and costs the same.
      if (ours->long_context.empty() || found->second->long_context.empty()) continue;
      const LongContextPrices& a = ours->long_context[0];
      const LongContextPrices& b = found->second->long_context[0];
      EXPECT_EQ(a.above_prompt_tokens, b.above_prompt_tokens) << name;
      for (const char* meter : {"input", "output"}) {
        EXPECT_EQ(a.by_tier.at(ServiceTier::kStandard).at(meter),
                  b.by_tier.at(ServiceTier::kStandard).at(meter))
            << name << " " << meter;
      }
    }
  }
  std::cout << compared.size() << " models compared\n";
  EXPECT_GE(compared.size(), 50u);
}

}  // namespace
}  // namespace quotaplane
