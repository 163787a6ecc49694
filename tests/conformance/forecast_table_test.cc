// The table of paces on a real Redis, alone and in a Cluster.
#include "libs/counters/forecast_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "libs/base/await.h"
#include "libs/counters/redis/forecast_table.h"
#include "tests/conformance/store_under_test.h"
#include "tests/conformance/topologies.h"

namespace quotaplane {
namespace {

constexpr int kPartitions = 64;
constexpr int64_t kNow = int64_t{1'796'000'400} * 1'000'000;

Pace PaceOfNumber(int number) {
  Pace pace;
  pace.from_us = kNow + number;
  for (size_t i = 0; i < pace.week.size(); ++i) pace.week[i] = 100.5F * number + i;
  return pace;
}

Digest CounterOf(int number) { return HashOf("counter" + std::to_string(number)); }

class ForecastTableTest : public ::testing::TestWithParam<const char*> {
 protected:
  ForecastTableTest()
      : topology_(GetParam()),
        store_(topology_.url(), kPartitions),
        table_(&store_.client(), kPartitions) {}

  std::vector<std::optional<Pace>> Read(const std::string& org, std::vector<Digest> counters) {
    auto read = Await<std::vector<std::optional<Pace>>>(
        [&](auto done) { table_.Read(org, counters, Soon(), std::move(done)); });
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? *std::move(read) : std::vector<std::optional<Pace>>();
  }
  redis::Reply Command(const std::string& key, const std::vector<std::string_view>& args) {
    auto reply = redis::CallAndWait(store_.client(), key, args, absl::Seconds(20));
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? *reply : redis::Reply();
  }
  static std::string KeyOf(const std::string& org) {
    return "{p" + std::to_string(PartitionOf(org, kPartitions)) + "}f";
  }

  Topology topology_;
  StoreUnderTest store_;
  RedisForecastTable table_;
};

TEST_P(ForecastTableTest, ReadsWhatWasWrittenForEachOrg) {
  EXPECT_EQ(Read("acme", {CounterOf(1)}), (std::vector<std::optional<Pace>>{std::nullopt}));
  ASSERT_TRUE(table_
                  .Replace({{"acme", CounterOf(1), PaceOfNumber(1)},
                            {"globex", CounterOf(2), PaceOfNumber(2)}},
                           {}, Soon())
                  .ok());
  EXPECT_EQ(Read("acme", {CounterOf(3), CounterOf(1)}),
            (std::vector<std::optional<Pace>>{std::nullopt, PaceOfNumber(1)}));
  EXPECT_EQ(Read("globex", {CounterOf(2)}), (std::vector<std::optional<Pace>>{PaceOfNumber(2)}));
  const int64_t lasts = Command(KeyOf("acme"), {"PTTL", KeyOf("acme")}).integer;
  EXPECT_GT(lasts, 14 * 60'000);
  EXPECT_LE(lasts, 15 * 60'000);
}

TEST_P(ForecastTableTest, AnotherTableTakesThePlaceOfAllOfIt) {
  std::vector<ForecastTable::Entry> many;
  for (int i = 0; i < 1'001; ++i) many.push_back({"acme", CounterOf(i), PaceOfNumber(i)});
  many.push_back({"globex", CounterOf(1), PaceOfNumber(1)});
  ASSERT_TRUE(table_.Replace(many, {}, Soon()).ok());
  EXPECT_EQ(Command(KeyOf("acme"), {"HLEN", KeyOf("acme")}).integer, 1'001);
  EXPECT_EQ(Read("acme", {CounterOf(1'000)}).front(), PaceOfNumber(1'000));
  // What an interrupted writer left behind does not come along.
  const std::string half = KeyOf("acme") + "/new";
  Command(half, {"HSET", half, CounterOf(7).view(), EncodePace(PaceOfNumber(7))});

  ASSERT_TRUE(table_.Replace({{"acme", CounterOf(5), PaceOfNumber(50)}}, {}, Soon()).ok());
  EXPECT_EQ(Read("acme", {CounterOf(5), CounterOf(7), CounterOf(6)}),
            (std::vector<std::optional<Pace>>{PaceOfNumber(50), std::nullopt, std::nullopt}));
  EXPECT_EQ(Read("globex", {CounterOf(1)}).front(), std::nullopt);
  EXPECT_EQ(Command(half, {"EXISTS", half}).integer, 0);
}

TEST_P(ForecastTableTest, WhatIsKeptStaysUntilItIsTooOld) {
  ASSERT_NE(KeyOf("acme"), KeyOf("globex"));
  // More than one page of a scan.
  std::vector<ForecastTable::Entry> old;
  for (int i = 0; i < 1'001; ++i) old.push_back({"acme", CounterOf(i), PaceOfNumber(i)});
  old.push_back({"globex", CounterOf(1), PaceOfNumber(1)});
  ASSERT_TRUE(table_.Replace(old, {}, Soon()).ok());
  Command(KeyOf("acme"), {"HSET", KeyOf("acme"), CounterOf(2'000).view(), "nobody's bytes"});
  Command(KeyOf("acme"), {"PEXPIRE", KeyOf("acme"), "60000"});

  // Nothing is known of acme but of a counter that another org of the partition might have.
  const ForecastTable::Kept kept = {{"acme"}, kNow + 500};
  const std::vector<ForecastTable::Entry> fresh = {{"acme", CounterOf(700), PaceOfNumber(7)},
                                                   {"globex", CounterOf(2), PaceOfNumber(2)}};
  ASSERT_TRUE(table_.Replace(fresh, kept, Soon()).ok());
  EXPECT_EQ(Read("acme", {CounterOf(499), CounterOf(500), CounterOf(700), CounterOf(1'000)}),
            (std::vector<std::optional<Pace>>{std::nullopt, PaceOfNumber(500), PaceOfNumber(7),
                                              PaceOfNumber(1'000)}));
  EXPECT_EQ(Command(KeyOf("acme"), {"HLEN", KeyOf("acme")}).integer, 501);
  EXPECT_GT(Command(KeyOf("acme"), {"PTTL", KeyOf("acme")}).integer, 14 * 60'000);
  EXPECT_EQ(Read("globex", {CounterOf(1), CounterOf(2)}),
            (std::vector<std::optional<Pace>>{std::nullopt, PaceOfNumber(2)}));
  // Without any other entry it stays as well, and once it is too old nothing does.
  ASSERT_TRUE(table_.Replace({}, kept, Soon()).ok());
  EXPECT_EQ(Read("acme", {CounterOf(1'000)}).front(), PaceOfNumber(1'000));
  ASSERT_TRUE(table_.Replace({}, {{"acme"}, kNow + 2'000}, Soon()).ok());
  EXPECT_EQ(Command(KeyOf("acme"), {"EXISTS", KeyOf("acme")}).integer, 0);
}

TEST_P(ForecastTableTest, BytesOfOthersAreNoPace) {
  const std::string good = EncodePace(PaceOfNumber(1));
  ASSERT_EQ(DecodePace(good), PaceOfNumber(1));
  std::vector<std::string> hostile = {
      "", "1", "{}", good.substr(1), good + "x", std::string(121, '\0'), std::string(121, '\xff')};
  hostile.push_back(good);
  hostile.back()[0] = '2';
  for (const float use : {-1.0F, std::numeric_limits<float>::infinity(), NAN}) {
    Pace pace = PaceOfNumber(1);
    pace.week[27] = use;
    hostile.push_back(EncodePace(pace));
  }
  for (const int64_t from : {int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    Pace pace = PaceOfNumber(1);
    pace.from_us = from;
    hostile.push_back(EncodePace(pace));
  }
  const std::string key = KeyOf("acme");
  std::vector<Digest> counters;
  for (size_t i = 0; i < hostile.size(); ++i) {
    EXPECT_EQ(DecodePace(hostile[i]), std::nullopt) << i;
    counters.push_back(CounterOf(static_cast<int>(i)));
    Command(key, {"HSET", key, counters.back().view(), hostile[i]});
  }
  EXPECT_EQ(Read("acme", counters), std::vector<std::optional<Pace>>(hostile.size()));
  // Nor is another type of value a table: an error, which GetUsage leaves aside.
  Command(key, {"DEL", key});
  Command(key, {"SET", key, "x"});
  const auto read = Await<std::vector<std::optional<Pace>>>(
      [&](auto done) { table_.Read("acme", counters, Soon(), std::move(done)); });
  EXPECT_FALSE(read.ok());
  EXPECT_TRUE(table_.Replace({{"acme", CounterOf(5), PaceOfNumber(5)}}, {}, Soon()).ok());
  EXPECT_EQ(Read("acme", {CounterOf(5)}).front(), PaceOfNumber(5));
}

INSTANTIATE_TEST_SUITE_P(Topologies, ForecastTableTest, ::testing::Values("Standalone", "Cluster"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace quotaplane
