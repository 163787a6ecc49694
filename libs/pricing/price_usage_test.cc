// One test per sentence of the header's account of how a call is priced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "libs/pricing/price_book.h"

namespace quotaplane {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kUsd = 1'000'000'000;  // nano-USD per million units, for 1 USD per million

PriceEntry Sonnet() {
  PriceEntry entry;
  entry.model = "sonnet";
  entry.by_tier[ServiceTier::kStandard] = {{"input", 3 * kUsd},
                                           {"cache_read", kUsd * 3 / 10},
                                           {"cache_write_5m", kUsd * 15 / 4},
                                           {"cache_write_1h", 6 * kUsd},
                                           {"output", 15 * kUsd},
                                           {"web_search_requests", 10'000'000'000'000}};
  entry.by_tier[ServiceTier::kBatch] = {{"input", kUsd * 3 / 2}, {"output", kUsd * 15 / 2}};
  entry.long_context = {
      {200'000,
       {{ServiceTier::kStandard,
         {{"input", 6 * kUsd}, {"cache_read", kUsd * 6 / 10}, {"output", kUsd * 45 / 2}}},
        {ServiceTier::kBatch, {{"input", 3 * kUsd}}}}}};
  return entry;
}

// The unit price charged for `meter` in `usage`.
int64_t UnitPriceOf(const PriceEntry& entry, ServiceTier tier, const Usage& usage,
                    std::string_view meter) {
  absl::StatusOr<PricedUsage> priced = PriceUsage(entry, tier, usage);
  EXPECT_TRUE(priced.ok()) << priced.status();
  if (!priced.ok()) return -1;
  for (const PricedLine& line : priced->lines) {
    if (line.meter == meter) return line.unit_price;
  }
  ADD_FAILURE() << "no line for " << meter;
  return -1;
}

int64_t UnitPriceOf(const PriceEntry& entry, ServiceTier tier, std::string meter) {
  return UnitPriceOf(entry, tier, {{meter, 1}}, meter);
}

TEST(PriceUsageTest, EveryLineAndTheirSum) {
  absl::StatusOr<PricedUsage> priced =
      PriceUsage(Sonnet(), ServiceTier::kStandard,
                 {{"cache_read", 0}, {"input", 1200}, {"output", 350}, {"web_search_requests", 2}});
  ASSERT_TRUE(priced.ok()) << priced.status();
  ASSERT_EQ(priced->lines.size(), 3u);  // quantity 0 is left out
  EXPECT_EQ(priced->lines[0].meter, "input");
  EXPECT_EQ(priced->lines[0].quantity, 1200);
  EXPECT_EQ(priced->lines[0].unit_price, 3 * kUsd);
  EXPECT_EQ(priced->lines[0].cost_nano_usd, 3'600'000);
  EXPECT_EQ(priced->lines[1].meter, "output");
  EXPECT_EQ(priced->lines[1].cost_nano_usd, 5'250'000);
  EXPECT_EQ(priced->lines[2].meter, "web_search_requests");
  EXPECT_EQ(priced->lines[2].cost_nano_usd, 20'000'000);  // 2 searches at a cent
  EXPECT_EQ(priced->cost_nano_usd, 28'850'000);
}

TEST(PriceUsageTest, NothingUsedCostsNothing) {
  absl::StatusOr<PricedUsage> priced = PriceUsage(Sonnet(), ServiceTier::kStandard, {});
  ASSERT_TRUE(priced.ok());
  EXPECT_TRUE(priced->lines.empty());
  EXPECT_EQ(priced->cost_nano_usd, 0);
}

TEST(PriceUsageTest, TierPricesMeterByMeterElseStandard) {
  const PriceEntry entry = Sonnet();
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kBatch, "input"), kUsd * 3 / 2);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kBatch, "output"), kUsd * 15 / 2);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kBatch, "cache_read"), kUsd * 3 / 10);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kPriority, "input"), 3 * kUsd);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kFlex, "output"), 15 * kUsd);
}

TEST(PriceUsageTest, LongContextBeginsAboveTheThreshold) {
  const PriceEntry entry = Sonnet();
  const Usage at = {{"input", 200'000}, {"output", 1}};
  const Usage above = {{"input", 200'001}, {"output", 1}};
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, at, "input"), 3 * kUsd);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, at, "output"), 15 * kUsd);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, above, "input"), 6 * kUsd);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, above, "output"), kUsd * 45 / 2);
}

TEST(PriceUsageTest, CacheTokensAreContextAndOutputIsNot) {
  const PriceEntry entry = Sonnet();
  const Usage all_four = {
      {"cache_read", 199'998}, {"cache_write_1h", 1}, {"cache_write_5m", 1}, {"input", 1}};
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, all_four, "input"), 6 * kUsd);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, all_four, "cache_read"), kUsd * 6 / 10);
  for (const char* meter : {"cache_read", "cache_write_1h", "cache_write_5m", "input"}) {
    Usage one_less = all_four;
    for (auto& [name, units] : one_less) units -= name == meter;
    if (std::string_view(meter) != "input") {
      EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, one_less, "input"), 3 * kUsd) << meter;
    }
    EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, one_less, "cache_read"), kUsd * 3 / 10)
        << meter;
  }
  const Usage long_answer = {
      {"input", 100}, {"output", 1'000'000}, {"web_search_requests", 1'000'000}};
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, long_answer, "input"), 3 * kUsd);
}

TEST(PriceUsageTest, AMeterAbsentFromLongContextKeepsItsOrdinaryPrice) {
  const Usage usage = {{"cache_write_5m", 1}, {"input", 300'000}, {"web_search_requests", 1}};
  EXPECT_EQ(UnitPriceOf(Sonnet(), ServiceTier::kStandard, usage, "cache_write_5m"), kUsd * 15 / 4);
  EXPECT_EQ(UnitPriceOf(Sonnet(), ServiceTier::kStandard, usage, "web_search_requests"),
            10'000'000'000'000);
}

TEST(PriceUsageTest, LongContextTierThenLongContextStandardThenOrdinary) {
  const Usage usage = {{"cache_write_5m", 1}, {"input", 300'000}, {"output", 1}};
  EXPECT_EQ(UnitPriceOf(Sonnet(), ServiceTier::kBatch, usage, "input"), 3 * kUsd);
  // No long-context batch price: the long-context standard one, not the cheaper ordinary batch
  // price.
  EXPECT_EQ(UnitPriceOf(Sonnet(), ServiceTier::kBatch, usage, "output"), kUsd * 45 / 2);
  EXPECT_EQ(UnitPriceOf(Sonnet(), ServiceTier::kBatch, usage, "cache_write_5m"), kUsd * 15 / 4);
}

TEST(PriceUsageTest, TheHighestThresholdPassedCountsFirst) {
  PriceEntry entry;
  entry.model = "m";
  entry.by_tier[ServiceTier::kStandard] = {{"input", 1}, {"output", 10}};
  entry.long_context = {{100, {{ServiceTier::kStandard, {{"input", 2}, {"output", 20}}}}},
                        {200, {{ServiceTier::kStandard, {{"input", 3}}}}}};
  const auto price = [&](int64_t input, const char* meter) {
    return UnitPriceOf(entry, ServiceTier::kStandard, {{"input", input}, {"output", 1}}, meter);
  };
  EXPECT_EQ(price(100, "input"), 1);
  EXPECT_EQ(price(101, "input"), 2);
  EXPECT_EQ(price(200, "input"), 2);
  EXPECT_EQ(price(201, "input"), 3);
  // Not named above 200: what held above 100 still does.
  EXPECT_EQ(price(201, "output"), 20);
}

TEST(PriceUsageTest, CacheMetersWithoutAPriceAreNotFree) {
  PriceEntry entry;
  entry.model = "m";
  entry.by_tier[ServiceTier::kStandard] = {{"input", 4}};
  entry.by_tier[ServiceTier::kBatch] = {{"input", 2}};
  entry.long_context = {{10, {{ServiceTier::kStandard, {{"input", 8}}}}}};
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, "cache_read"), 4);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, "cache_write_5m"), 4);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, "cache_write_1h"), 4);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kBatch, "cache_write_1h"), 2);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, {{"cache_read", 11}}, "cache_read"), 8);

  entry.by_tier[ServiceTier::kStandard]["cache_write_5m"] = 5;
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, "cache_write_1h"), 5);
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, "cache_read"), 4);
  // A price of 0 is a price, not a missing one.
  entry.by_tier[ServiceTier::kStandard]["cache_read"] = 0;
  EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, "cache_read"), 0);
}

TEST(PriceUsageTest, InputOutputAndCustomMetersWithoutAPriceAreFree) {
  PriceEntry entry;
  entry.model = "m";
  entry.by_tier[ServiceTier::kStandard] = {{"pages", 7}};
  for (const char* meter : {"input", "output", "cache_read", "mcp_tool_calls"}) {
    EXPECT_EQ(UnitPriceOf(entry, ServiceTier::kStandard, meter), 0) << meter;
  }
}

TEST(PriceUsageTest, EachLineRoundsUpByItself) {
  PriceEntry entry;
  entry.model = "m";
  entry.by_tier[ServiceTier::kStandard] = {{"input", 546'875'000}, {"output", 1}};
  absl::StatusOr<PricedUsage> priced =
      PriceUsage(entry, ServiceTier::kStandard, {{"input", 7}, {"output", 1}});
  ASSERT_TRUE(priced.ok());
  EXPECT_EQ(priced->lines[0].cost_nano_usd, 3829);  // 3828.125
  EXPECT_EQ(priced->lines[1].cost_nano_usd, 1);     // 0.000001
  EXPECT_EQ(priced->cost_nano_usd, 3830);
}

TEST(PriceUsageTest, ZeroPricesGiveLinesOfZero) {
  PriceEntry entry;
  entry.model = "free";
  entry.by_tier[ServiceTier::kStandard] = {{"input", 0}, {"output", 0}};
  absl::StatusOr<PricedUsage> priced =
      PriceUsage(entry, ServiceTier::kStandard, {{"input", kMaxUnits}, {"output", 9}});
  ASSERT_TRUE(priced.ok());
  EXPECT_EQ(priced->lines.size(), 2u);
  EXPECT_EQ(priced->cost_nano_usd, 0);
}

TEST(PriceUsageTest, OutOfRangePastTwoToThe53) {
  PriceEntry entry;
  entry.model = "m";
  entry.by_tier[ServiceTier::kStandard] = {{"a", 1'000'000}, {"b", 1'000'000}, {"c", INT64_MAX}};
  const auto cost = [&](const Usage& usage) {
    return PriceUsage(entry, ServiceTier::kStandard, usage);
  };
  ASSERT_TRUE(cost({{"a", kMaxUnits}}).ok());
  EXPECT_EQ(cost({{"a", kMaxUnits}})->cost_nano_usd, kMaxCostNanoUsd);
  ASSERT_TRUE(cost({{"a", kMaxUnits - 1}, {"b", 1}}).ok());

  const Usage kTooMuch[] = {{{"a", kMaxUnits}, {"b", 1}},  // the sum
                            {{"c", 1'000'000}},            // a line past 2^53
                            {{"c", kMaxUnits}},            // a line past int64
                            {{"a", kMaxUnits + 1}},       {{"a", -1}},
                            {{"a", INT64_MAX}},           {{"a", INT64_MIN}}};
  for (const Usage& usage : kTooMuch) {
    const absl::Status status = cost(usage).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << usage[0].first << usage[0].second;
    EXPECT_THAT(std::string(status.message()), HasSubstr(usage.back().first + ": "));
  }
}

// The rules once more, as slowly and as literally as they can be written.
int64_t OracleUnitPrice(const PriceEntry& entry, ServiceTier tier, int64_t prompt,
                        const std::string& meter) {
  std::vector<std::map<ServiceTier, MeterPrices>> blocks = {entry.by_tier};
  for (const auto& each : entry.long_context) {
    if (prompt > each.above_prompt_tokens) blocks.insert(blocks.begin(), each.by_tier);
  }
  for (auto& block : blocks) {
    if (block[tier].count(meter)) return block[tier][meter];
    if (block[ServiceTier::kStandard].count(meter)) return block[ServiceTier::kStandard][meter];
  }
  const std::map<std::string, std::string> kStandIn = {
      {"cache_read", "input"}, {"cache_write_5m", "input"}, {"cache_write_1h", "cache_write_5m"}};
  auto stand_in = kStandIn.find(meter);
  return stand_in == kStandIn.end() ? 0 : OracleUnitPrice(entry, tier, prompt, stand_in->second);
}

TEST(PriceUsageTest, AgreesWithTheOracleOnRandomEntries) {
  constexpr uint64_t kSeed = 53;
  std::mt19937_64 random(kSeed);
  const std::vector<std::string> kMeters = {"cache_read", "cache_write_1h", "cache_write_5m",
                                            "input",      "output",         "pages"};
  const ServiceTier kTiers[] = {ServiceTier::kStandard, ServiceTier::kBatch, ServiceTier::kPriority,
                                ServiceTier::kFlex};
  const auto random_block = [&] {
    std::map<ServiceTier, MeterPrices> block;
    for (ServiceTier tier : kTiers) {
      for (const std::string& meter : kMeters) {
        if (random() % 3 == 0) block[tier][meter] = random() % 5'000'000'000;
      }
    }
    return block;
  };
  int lines = 0;
  for (int i = 0; i < 20'000; ++i) {
    PriceEntry entry;
    entry.by_tier = random_block();
    for (int64_t above : {100, 200, 300}) {
      if (random() % 2) entry.long_context.push_back({above, random_block()});
    }
    Usage usage;
    int64_t prompt = 0;
    for (const std::string& meter : kMeters) {
      if (random() % 2) continue;
      usage.push_back({meter, static_cast<int64_t>(random() % 200)});
      if (meter != "output" && meter != "pages") prompt += usage.back().second;
    }
    const ServiceTier tier = kTiers[random() % 4];
    absl::StatusOr<PricedUsage> priced = PriceUsage(entry, tier, usage);
    ASSERT_TRUE(priced.ok());
    for (const PricedLine& line : priced->lines) {
      ++lines;
      ASSERT_EQ(line.unit_price, OracleUnitPrice(entry, tier, prompt, line.meter))
          << "seed " << kSeed << ", step " << i << ", " << line.meter << ", prompt " << prompt;
    }
  }
  EXPECT_GT(lines, 40'000);
}

TEST(IsFreeTest, AnyPriceAnywhereCounts) {
  PriceEntry entry;
  entry.by_tier[ServiceTier::kStandard] = {{"input", 0}, {"output", 0}};
  EXPECT_TRUE(IsFree(entry));
  PriceEntry batch = entry;
  batch.by_tier[ServiceTier::kBatch] = {{"output", 1}};
  EXPECT_FALSE(IsFree(batch));
  PriceEntry longer = entry;
  longer.long_context = {{10, {{ServiceTier::kStandard, {{"input", 1}}}}}};
  EXPECT_FALSE(IsFree(longer));
  EXPECT_FALSE(IsFree(Sonnet()));
}

}  // namespace
}  // namespace quotaplane
