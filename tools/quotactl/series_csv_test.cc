#include "tools/quotactl/series_csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "libs/testing/relative_cost.h"

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::vector<SeriesRow>> Parse(const std::string& lines) {
  return ParseSeries(absl::StrCat("timestamp,value\n", lines), "series.csv");
}
std::string ErrorOf(const std::string& text) {
  return std::string(ParseSeries(text, "series.csv").status().message());
}

TEST(SeriesCsvTest, TakesEveryFormOfTime) {
  const absl::Time time =
      absl::FromCivil(absl::CivilSecond(2014, 4, 10, 0, 4, 0), absl::UTCTimeZone());
  for (const char* text :
       {"2014-04-10 00:04:00", "2014-04-10T00:04:00Z", "2014-04-10T02:04:00+02:00", "1397088240",
        "2014-04-10 00:04:00.000", "\"2014-04-10 00:04\""}) {
    const auto rows = Parse(absl::StrCat(text, ",-1.5e3\r\n"));
    ASSERT_TRUE(rows.ok()) << rows.status();
    ASSERT_EQ(rows->size(), 1U);
    EXPECT_EQ((*rows)[0].time, time) << text;
    EXPECT_EQ((*rows)[0].number, -1500);
  }
}

TEST(SeriesCsvTest, FindsColumnsByNameAndKeepsWhatWasWritten) {
  const auto rows =
      ParseSeries("value,note,timestamp\n1.50,x,2014-04-10 00:04:00\n\n,y,2014-04-11", "f");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_FALSE((*rows)[1].number.has_value());
  EXPECT_EQ(
      RenderScores(*rows, {0.25, 0}),
      "timestamp,value,anomaly_score\n2014-04-10 00:04:00,1.50,0.250000\n2014-04-11,,0.000000\n");
}

TEST(SeriesCsvTest, NamesLineAndRule) {
  EXPECT_EQ(ErrorOf(""), "series.csv:1: the file is empty");
  EXPECT_THAT(ErrorOf("time,value\n"), HasSubstr("series.csv:1: the first line must name"));
  EXPECT_THAT(ErrorOf("timestamp,value\n2014-02-30 00:00:00,1\n"),
              HasSubstr("series.csv:2: timestamp"));
  EXPECT_THAT(
      ErrorOf("timestamp,value\n2014-02-03 00:00:00,1\n2014-02-01 00:00:00,1\n"),
      HasSubstr("series.csv:3: timestamp: \"2014-02-01 00:00:00\" is more than a day earlier"));
  EXPECT_TRUE(Parse("2014-02-03 01:00:00,1\n2014-02-03 00:00:00,1\n").ok());
  EXPECT_THAT(ErrorOf("timestamp,value\n1,abc\n"), HasSubstr("series.csv:2: value: \"abc\""));
  EXPECT_THAT(ErrorOf("timestamp,value\n1,inf\n"), HasSubstr("is no finite number"));
  EXPECT_THAT(ErrorOf("timestamp,value\n1,-1e999\n"), HasSubstr("is no finite number"));
  EXPECT_EQ((*Parse("1,1e-999\n"))[0].number, 0);
  EXPECT_THAT(ErrorOf("timestamp,value\n1\n"), HasSubstr("series.csv:2: fewer fields"));
}

// A day's wave in steps of `seconds`, with a spike at `spike`.
std::string Series(int rows, int seconds, int spike) {
  std::string text = "timestamp,value\n";
  uint64_t state = 3;
  for (int i = 0; i < rows; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    const double noise = static_cast<double>(state >> 40) / (1 << 24);
    const double value = 50 + 20 * std::sin(6.283185307 * i * seconds / 86400) + 6 * noise;
    absl::StrAppend(&text, 1'400'000'000 + int64_t{i} * seconds, ",",
                    i == spike ? 5 * value : value, "\n");
  }
  return text;
}

TEST(SeriesCsvTest, AnyStepFromSecondsToADay) {
  for (const int seconds : {1, 60, 300, 3600, 86400}) {
    const auto rows = ParseSeries(Series(1500, seconds, 1200), "f");
    ASSERT_TRUE(rows.ok());
    const std::vector<double> scores = ScoreSeries(*rows);
    EXPECT_GT(scores[1200], 0.5) << seconds;
    EXPECT_EQ(std::max_element(scores.begin(), scores.end()) - scores.begin(), 1200) << seconds;
    for (const double score : scores) ASSERT_TRUE(score >= 0 && score <= 1);
  }
}

TEST(SeriesCsvTest, ARowSeesOnlyThoseBefore) {
  const auto rows = ParseSeries(Series(1500, 300, 1200), "f");
  ASSERT_TRUE(rows.ok());
  const std::vector<double> all = ScoreSeries(*rows);
  for (const size_t n : {1U, 200U, 1201U, 1300U}) {
    const std::vector<double> some =
        ScoreSeries({rows->begin(), rows->begin() + static_cast<int64_t>(n)});
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << n;
  }
}

// Ten times the rows for ten times the cost. How long it takes, e2e/anomaly_cli_test asserts.
TEST(SeriesCsvTest, AHundredThousandRowsInTime) {
  const auto score = [](const std::string& text, std::ptrdiff_t lines) {
    const auto rows = ParseSeries(text, "f");
    ASSERT_TRUE(rows.ok());
    const std::string scores = RenderScores(*rows, ScoreSeries(*rows));
    EXPECT_EQ(std::count(scores.begin(), scores.end(), '\n'), lines);
  };
  const std::string text = Series(100'000, 60, 70'000), fewer = Series(10'000, 60, 7'000);
  const double cost = fixtures::RelativeCost(
      3, [&] { score(text, 100'001); }, [&] { score(fewer, 10'001); });
  RecordProperty("relative_cost", std::to_string(cost));
  EXPECT_LT(cost, 30);
}

}  // namespace
}  // namespace quotaplane::quotactl
