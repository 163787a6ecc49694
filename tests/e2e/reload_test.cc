// Hot reload: a changed file is in force within two seconds, whole; a bad one changes nothing and
// is reported with file, line and key.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_server.h"
#include "tests/e2e/quota_client.h"
#include "tests/e2e/server_process.h"

namespace quotaplane::fixtures {
namespace {

std::string Policy(int amount) {
  return absl::StrCat(
      "defaults: {on_outage: deny}\n"
      "limits:\n"
      "  - id: team-tokens\n"
      "    per: [team]\n"
      "    unit: total_tokens\n"
      "    window: lifetime\n"
      "    amount: ",
      amount, "\n");
}

class Reload : public testing::Test {
 protected:
  Reload() : server_({.policy = Policy(1000), .redis = redis_.url()}), client_(server_.address()) {}

  int64_t Amount() const { return LimitOf(client_, subject_, "team-tokens").amount(); }
  bool Logged(const std::string& text) const { return absl::StrContains(server_.Log(), text); }

  const v1::Subject subject_ = SubjectOf("t");
  RedisServer redis_;
  ServerProcess server_;
  QuotaClient client_;
};

TEST_F(Reload, AChangedPolicyIsInForceAndKeepsTheCount) {
  ASSERT_TRUE(client_.Call(RecordOf("r", subject_, {600, 0})).ok());
  EXPECT_EQ(client_.Call(ReserveOf("a", subject_, {500, 0})).response.decision(),
            v1::DECISION_DENY);
  server_.WritePolicy(Policy(1100));
  EXPECT_TRUE(PollUntil(absl::Seconds(2), [&] { return Amount() == 1100; }));
  EXPECT_EQ(LimitOf(client_, subject_, "team-tokens").used(), 600);
  EXPECT_EQ(client_.Call(ReserveOf("a", subject_, {500, 0})).response.decision(),
            v1::DECISION_ALLOW);
}

TEST_F(Reload, ABadPolicyKeepsTheOldOneAndIsReported) {
  server_.WritePolicy(Policy(5) + "    windo: day\n");
  ASSERT_TRUE(PollUntil(absl::Seconds(2), [&] { return Logged("NOT reloaded"); }));
  EXPECT_TRUE(Logged(server_.policy_path() + ":8: limits[0].windo")) << server_.Log();
  EXPECT_EQ(Amount(), 1000);
  // The next good one is taken.
  server_.WritePolicy(Policy(7));
  EXPECT_TRUE(PollUntil(absl::Seconds(2), [&] { return Amount() == 7; }));
}

TEST_F(Reload, ChangedPricesHoldForWhatIsChargedFromThenOn) {
  const auto cost = [&](const std::string& id) {
    return client_.Call(RecordOf(id, subject_, {100, 0})).response.cost_nano_usd();
  };
  EXPECT_EQ(cost("before"), 300'000);
  server_.WritePrices(
      "version: next\n"
      "models:\n"
      "  - {model: tester, from: 2020-01-01, usd_per_million: {input: 4}}\n");
  int calls = 0;
  EXPECT_TRUE(PollUntil(absl::Seconds(2),
                        [&] { return cost(absl::StrCat("after-", calls++)) == 400'000; }));
  EXPECT_EQ(cost("before"), 300'000);  // a replay of what was charged
}

}  // namespace
}  // namespace quotaplane::fixtures
