#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "tools/loadgen/report.h"
#include "tools/loadgen/schedule.h"
#include "tools/loadgen/tally.h"
#include "tools/loadgen/timeline.h"
#include "tools/loadgen/workload.h"

namespace quotaplane::loadgen {
namespace {

using ::testing::HasSubstr;

TEST(Workload, IsAFunctionOfSeedAndIndex) {
  const Workload one("acme", 1), same("acme", 1), other("acme", 2);
  int differing = 0;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(one.At(i).estimate,
                                                                   same.At(i).estimate));
    EXPECT_EQ(one.At(i).subject.user(), same.At(i).subject.user());
    differing += one.At(i).subject.user() != other.At(i).subject.user();
  }
  EXPECT_GT(differing, 50);
}

TEST(Workload, HasEveryKindOfRequest) {
  const Workload workload("acme", 1);
  std::set<std::string> teams, models, agents;
  std::map<Ending, int> endings;
  int batches = 0, fallbacks = 0, extended = 0, outgrown = 0;
  for (int i = 0; i < 4000; ++i) {
    const PlannedRequest request = workload.At(i);
    teams.insert(request.subject.team());
    models.insert(request.subject.model());
    for (const auto& [key, value] : request.subject.labels()) agents.insert(value);
    ++endings[request.ending];
    batches += request.service_tier == v1::SERVICE_TIER_BATCH;
    fallbacks += request.attempts.size() == 2;
    extended += request.larger_estimate.has_value();
    outgrown += request.attempts.back().usage().meters().at("output") >
                request.estimate.meters().at("output");
  }
  EXPECT_EQ(teams.size(), 6u);
  EXPECT_EQ(models, (std::set<std::string>{"claude-haiku-4-5", "claude-opus-4-5",
                                           "claude-sonnet-4-5", "gpt-5-mini"}));
  EXPECT_EQ(agents, (std::set<std::string>{"coder", "finder", "nightly"}));
  EXPECT_GT(endings[Ending::kCommitTwice], 60);
  EXPECT_GT(endings[Ending::kRelease], 60);
  EXPECT_GT(batches, 100);
  EXPECT_GT(fallbacks, 80);
  EXPECT_GT(extended, 40);
  EXPECT_GT(outgrown, 20);
  EXPECT_LT(outgrown, 400);
}

TEST(Latencies, PercentilesAreNearestRank) {
  Latencies latencies;
  EXPECT_EQ(latencies.Percentile(0.5), absl::ZeroDuration());
  for (int i = 100; i >= 1; --i) latencies.Add(absl::Microseconds(i));
  EXPECT_EQ(latencies.Percentile(0.5), absl::Microseconds(50));
  EXPECT_EQ(latencies.Percentile(0.99), absl::Microseconds(99));
  EXPECT_EQ(latencies.Percentile(1), absl::Microseconds(100));
  EXPECT_EQ(latencies.Percentile(0), absl::Microseconds(1));
}

TEST(Schedule, FollowsItsShape) {
  const auto schedule = Schedule::Make({1, 0, 3}, 400, absl::Seconds(30));
  ASSERT_TRUE(schedule.ok());
  int parts[3] = {};
  absl::Duration before;
  for (int i = 0; i < 400; ++i) {
    const absl::Duration due = schedule->DueAt(i);
    EXPECT_GE(due, before);
    before = due;
    ++parts[std::min<int64_t>(due / absl::Seconds(10), 2)];
  }
  EXPECT_EQ(parts[0], 100);
  EXPECT_EQ(parts[1], 0);
  EXPECT_EQ(parts[2], 300);
  EXPECT_LT(before, absl::Seconds(30));
  // Evenly within a part: of 100 in ten seconds, the first after half a step.
  EXPECT_NEAR(absl::ToDoubleSeconds(schedule->DueAt(0)), 0.05, 1e-9);
  EXPECT_NEAR(absl::ToDoubleSeconds(schedule->DueAt(50)), 5.05, 1e-9);
}

TEST(Schedule, RefusesShapesWithoutSense) {
  for (const std::vector<double>& weights :
       {std::vector<double>{}, {0, 0}, {1, -1}, {std::nan("")}}) {
    EXPECT_FALSE(Schedule::Make(weights, 10, absl::Seconds(1)).ok());
  }
}

TEST(Timeline, CountsByWhenCallsWereDue) {
  const absl::Time start = absl::FromUnixMillis(1'000'000);
  Timeline timeline(start);
  timeline.Add("reserve", start + absl::Milliseconds(10), "allowed", absl::Microseconds(415));
  timeline.Add("reserve", start + absl::Milliseconds(20), "allowed", absl::Microseconds(410));
  timeline.Add("reserve", start + absl::Milliseconds(30), "outage", absl::Seconds(3));
  timeline.Add("commit", start + absl::Milliseconds(260), "charged", absl::Microseconds(3));
  EXPECT_EQ(timeline.AsJsonLines(),
            R"({"start_ms":1000000,"reserve":{"allowed":2,"outage":1,"us":[[415,2],[3014655,1]]}})"
            "\n"
            R"({"start_ms":1000250,"commit":{"charged":1,"us":[[3,1]]}})"
            "\n");
}

TEST(LargestSum, HasTheLargestAlone) {
  LargestSum sum(2);
  EXPECT_EQ(sum.sum(), 0);
  for (const auto& [value, largest] :
       std::vector<std::pair<int64_t, int64_t>>{{3, 3}, {1, 4}, {2, 5}, {0, 5}, {3, 6}, {9, 12}}) {
    sum.Add(value);
    EXPECT_EQ(sum.sum(), largest);
  }
}

Report SmallReport() {
  Tally first, second;
  first.requests = first.allowed = first.committed = 2;
  first.spent_nano_usd = 3'000'000'000;
  first.by_team["search"] = {2, 0, 3'000'000'000, 5};
  first.reserve.Add(absl::Microseconds(420));
  second.requests = second.refused = 1;
  second.by_team["search"] = {1, 1, 0, 3};
  second.by_limit[{"user-rpm", "requests", Effect::kRefused}] = 1;
  first.Merge(second);

  v1::LimitUsage limit;
  limit.set_limit_id("team-month");
  limit.set_unit("usd");
  limit.set_window("month UTC");
  limit.set_used(3'000'000'000);
  limit.set_amount(1'000'000'000'000);
  limit.set_remaining(997'000'000'000);
  limit.set_on_exceed(v1::ON_EXCEED_DENY);
  return {.org = "acme",
          .tally = first,
          .elapsed = absl::Seconds(2),
          .budgets = {{"search", {limit}}, {"", {}}},
          .repeated_calls = 0,
          .first_failure = "",
          .limits = {{.last = limit, .worst_excess = -997'000'000'000, .looks = 4}}};
}

TEST(Report, TextHasLimitsTeamsAndSpeed) {
  const std::string text = ReportAsText(SmallReport(), terminal::Style(false));
  EXPECT_THAT(text, HasSubstr("sent                           3  100.0%\n"));
  EXPECT_THAT(text, HasSubstr("refused                        1   33.3%\n"));
  EXPECT_THAT(text, HasSubstr("user-rpm       requests  refused             1\n"));
  EXPECT_THAT(text, HasSubstr("search              3        1  $3.00  team-month (month UTC)  "
                              "$3.00  $1,000.00  $997.00\n"));
  EXPECT_THAT(text, HasSubstr("all of acme         3        1  $3.00\n"));
  EXPECT_THAT(text, HasSubstr("Reserve      1  0.42 ms  0.42 ms\n"));
}

TEST(Report, JsonHasTheSame) {
  const auto json = nlohmann::json::parse(ReportAsJson(SmallReport()));
  EXPECT_EQ(json["requests"], 3);
  EXPECT_EQ(json["refused"], 1);
  EXPECT_EQ(json["spent_nano_usd"], 3'000'000'000);
  EXPECT_EQ(json["limits"][0]["limit_id"], "user-rpm");
  EXPECT_EQ(json["limits"][0]["effect"], "refused");
  EXPECT_EQ(json["teams"][0]["budgets"][0]["remaining_nano_usd"], 997'000'000'000);
  EXPECT_EQ(json["teams"][0]["excusable_nano_usd"], 8);
  EXPECT_EQ(json["reserve"]["p99_us"], 420.0);
  EXPECT_EQ(json["limits_seen"][0]["limit_id"], "team-month");
  EXPECT_EQ(json["limits_seen"][0]["worst_excess"], -997'000'000'000);
  EXPECT_EQ(json["limits_seen"][0]["refuses"], true);
}

}  // namespace
}  // namespace quotaplane::loadgen
