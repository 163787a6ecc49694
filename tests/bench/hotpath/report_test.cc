#include "tests/bench/hotpath/report.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace quotaplane::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Every latency of an operation is the same: empty 100 µs, reserve 200, commit 300, pair 400.
Results Example() {
  Results results;
  int64_t ns = 0;
  for (const Operation operation : kOperations) {
    ns += 100'000;
    for (const int in_flight : kInFlightLevels) {
      Cell& cell = results.closed[operation][in_flight];
      for (int i = 0; i < 1'000; ++i) cell.latency.Add(ns);
      cell.per_s = {1e9 / static_cast<double>(ns) * in_flight, 1, 1e9};
    }
  }
  for (const double rate : {2'500.0, 5'000.0, 10'000.0}) {
    OpenRow row;
    row.rate = rate;
    row.pooled.pair.Add(static_cast<int64_t>(rate) * 150);
    row.p99_us = {rate * 0.15};
    row.held = row.p99_us[0] < 1'000;
    results.open.push_back(row);
  }
  results.redis_us_per_reserve = 18;
  results.redis_us_per_commit = 26;
  results.redis_bytes_per_calendar_counter = 150;
  results.redis_bytes_per_sliding_counter = 801;
  results.server_rss_mib = 33.333;
  results.machine = {"abc1234", "A CPU", 2, "2026-01-02T03:04:05Z", "7.0.15"};
  return results;
}

std::vector<std::string> KeysOf(const nlohmann::ordered_json& json) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  return keys;
}

TEST(ReportTest, JsonHasExactlyTheseKeys) {
  const auto json = nlohmann::ordered_json::parse(JsonReport(Example()));
  EXPECT_THAT(
      KeysOf(json),
      ElementsAre("empty", "reserve", "commit", "pair", "pairs_per_s_p99_under_1ms",
                  "redis_us_per_reserve", "redis_us_per_commit", "redis_bytes_per_calendar_counter",
                  "redis_bytes_per_sliding_counter", "server_rss_mib", "meta"));
  for (const char* operation : {"empty", "reserve", "commit", "pair"}) {
    EXPECT_THAT(KeysOf(json[operation]), ElementsAre("1", "4", "16", "64"));
    EXPECT_THAT(KeysOf(json[operation]["16"]), ElementsAre("per_s", "p50_us", "p99_us", "p999_us"));
  }
}

TEST(ReportTest, JsonHoldsTheMeasuredValues) {
  const auto json = nlohmann::json::parse(JsonReport(Example()));
  EXPECT_NEAR(json["reserve"]["4"]["p50_us"].get<double>(), 200, 200 / 32.0);
  EXPECT_EQ(json["reserve"]["4"]["per_s"], 20'000);
  EXPECT_EQ(json["pairs_per_s_p99_under_1ms"], 5'000);
  EXPECT_EQ(json["server_rss_mib"], 33.33);
  EXPECT_EQ(json["meta"]["commit"], "abc1234");
  EXPECT_EQ(json["meta"]["cores"], 2);
}

TEST(ReportTest, TargetsAreMetOrMissedByTheirBounds) {
  std::vector<bool> met;
  for (const Target& target : Targets(Example())) met.push_back(target.met());
  // Ratio 2 (of bucket ends: just under or over), rate 0.5, Redis 18 and 26 µs, p99 375 µs, 150 and
  // 801 bytes.
  ASSERT_EQ(met.size(), 7);
  EXPECT_EQ(std::vector<bool>(met.begin() + 1, met.end()),
            (std::vector<bool>{true, true, false, true, true, false}));

  Results slow = Example();
  slow.closed[Operation::kReserve][1].latency = {};
  slow.closed[Operation::kReserve][1].latency.Add(250'000);
  EXPECT_FALSE(Targets(slow)[0].met());
  slow.closed[Operation::kReserve][1].latency = {};
  slow.closed[Operation::kReserve][1].latency.Add(150'000);
  EXPECT_TRUE(Targets(slow)[0].met());
}

TEST(ReportTest, TextNamesWhatWasMissed) {
  const std::string text = TextReport(Example());
  EXPECT_THAT(
      text,
      HasSubstr("Redis per Commit                                       26.00  <=  25.00 µs"));
  EXPECT_THAT(text, HasSubstr("highest rate with p99 < 1 ms: 5000 pairs/s"));
  size_t missed = 0;
  for (size_t at = text.find("MISSED"); at != std::string::npos; at = text.find("MISSED", at + 1))
    ++missed;
  size_t expected = 0;
  for (const Target& target : Targets(Example())) expected += target.met() ? 0 : 1;
  EXPECT_EQ(missed, expected);
}

TEST(ReportTest, PictureHasAPanelPerLevelAndNeedsNothingElse) {
  const std::string html = HtmlPicture(Example());
  for (const char* panel :
       {"1 in flight", "4 in flight", "16 in flight", "64 in flight", "2,500 pairs"}) {
    EXPECT_THAT(html, HasSubstr(panel));
  }
  EXPECT_EQ(html.find("src="), std::string::npos);
  EXPECT_EQ(html.find("href="), std::string::npos);
}

}  // namespace
}  // namespace quotaplane::bench
