#include "tests/bench/propagation/results.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "nlohmann/json.hpp"

namespace quotaplane::bench {
namespace {

Results Example() {
  Measured run;
  run.database = "sqlite";
  run.overrides = 100'000;
  for (int i = 1; i <= 100; ++i) {
    run.policies.ms.push_back(i);
    run.policies.commit_ms.push_back(1);
    run.revocations.ms.push_back(200 - i);
    run.revocations.commit_ms.push_back(2);
  }
  Results results;
  results.runs = {run};
  results.commit = "abc";
  return results;
}

TEST(PropagationResults, QuantilesAreOfTheSlowest) {
  const Results results = Example();
  EXPECT_EQ(results.runs[0].policies.At(0.5), 50);
  EXPECT_EQ(results.runs[0].policies.At(0.99), 99);
  EXPECT_EQ(results.runs[0].policies.At(1), 100);
  EXPECT_EQ(results.WorstP99Ms(), 198);
  EXPECT_EQ(Enforced().At(0.99), 0);
}

TEST(PropagationResults, Json) {
  const auto json = nlohmann::json::parse(JsonReport(Example()));
  EXPECT_EQ(json["propagation_p99_ms"], 198);
  EXPECT_EQ(json["runs"][0]["policy"]["p99_ms"], 99);
  EXPECT_EQ(json["runs"][0]["key_revoked"]["commit_p50_ms"], 2);
  EXPECT_EQ(json["meta"]["commit"], "abc");
}

TEST(PropagationResults, ATargetThatIsMissedIsSaid) {
  Results results = Example();
  EXPECT_TRUE(absl::StrContains(TextReport(results), "met: worst p99 198 ms"));
  results.runs[0].policies.ms.assign(10, 1'500);
  EXPECT_TRUE(absl::StrContains(TextReport(results), "MISSED: worst p99 1500 ms"));
}

}  // namespace
}  // namespace quotaplane::bench
