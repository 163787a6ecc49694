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
  run.changes = {{"amount", {}, {}}, {"key_revoked", {}, {}}};
  for (int i = 1; i <= 100; ++i) {
    run.changes[0].ms.push_back(i);
    run.changes[0].rpc_ms.push_back(1);
    run.changes[1].ms.push_back(200 - i);
    run.changes[1].rpc_ms.push_back(2);
  }
  Results results;
  results.runs = {run};
  results.commit = "abc";
  return results;
}

TEST(PropagationResults, QuantilesAreOfTheSlowest) {
  const Results results = Example();
  EXPECT_EQ(results.runs[0].changes[0].At(0.5), 50);
  EXPECT_EQ(results.runs[0].changes[0].At(0.99), 99);
  EXPECT_EQ(results.runs[0].changes[0].At(1), 100);
  EXPECT_EQ(results.WorstP99Ms(), 198);
  EXPECT_EQ(Enforced().At(0.99), 0);
}

TEST(PropagationResults, Json) {
  const auto json = nlohmann::json::parse(JsonReport(Example()));
  EXPECT_EQ(json["propagation_p99_ms"], 198);
  EXPECT_EQ(json["runs"][0]["changes"]["amount"]["p99_ms"], 99);
  EXPECT_EQ(json["runs"][0]["changes"]["key_revoked"]["rpc_p50_ms"], 2);
  EXPECT_EQ(json["meta"]["commit"], "abc");
}

TEST(PropagationResults, ATargetThatIsMissedIsSaid) {
  Results results = Example();
  EXPECT_TRUE(absl::StrContains(TextReport(results), "met: worst p99 198 ms"));
  results.runs[0].changes[0].ms.assign(10, 1'500);
  EXPECT_TRUE(absl::StrContains(TextReport(results), "MISSED: worst p99 1500 ms"));
}

}  // namespace
}  // namespace quotaplane::bench
