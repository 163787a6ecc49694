// Large policies.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/config/policy_reader.h"
#include "libs/testing/relative_cost.h"

namespace quotaplane {
namespace {

constexpr int kOverrides = 100'000;

int64_t AmountFor(const Policy& policy, const std::string& user) {
  Subject subject;
  subject.org = "acme";
  subject.user = user;
  std::vector<AppliedLimit> applied;
  policy.Match(subject, "m", &applied);
  EXPECT_EQ(applied.size(), 1u);
  return applied.empty() ? -1 : applied[0].amount;
}

std::string UserOverrides(int count) {
  std::string text =
      "limits:\n"
      "  - id: l\n"
      "    per: [user]\n"
      "    unit: requests\n"
      "    amount: 5\n"
      "    window: month\n"
      "    on_outage: deny\n"
      "    overrides:\n";
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&text, "      - {user: user-", i, "@example.com, amount: ", 1000 + i, "}\n");
  }
  return text;
}

// Twenty times as many take twenty times as long, and something for what no cache has room for.
// `tools/bench policy` says how long.
TEST(PolicyLoadTest, ReadsAHundredThousandOverridesInTime) {
  const std::string text = UserOverrides(kOverrides), fewer = UserOverrides(kOverrides / 20);
  const double cost = fixtures::RelativeCost(
      3,
      [&] {
        const auto policy = ParsePolicy(text, "p.yaml");
        ASSERT_TRUE(policy.ok()) << policy.status();
        EXPECT_EQ(AmountFor(**policy, "user-99999@example.com"), 100'999);
        EXPECT_EQ(AmountFor(**policy, "user-100000@example.com"), 5);
      },
      [&] { ASSERT_TRUE(ParsePolicy(fewer, "p.yaml").ok()); });
  RecordProperty("relative_cost", std::to_string(cost));
  EXPECT_LT(cost, 60);
}

std::string SixLimits(int overrides) {
  std::string text =
      "defaults: {on_outage: deny, time_zone: Europe/Berlin}\n"
      "tiers:\n"
      "  - {tier: restricted, when: {team: [interns, \"contractor-*\"]}}\n"
      "  - {tier: restricted, when: {model: \"*-preview\"}}\n"
      "  - {tier: standard}\n"
      "limits:\n"
      "  - {id: a, per: [], unit: usd, amount: 100000, window: month}\n"
      "  - {id: b, per: [team], unit: usd, amount: 5000, window: month}\n"
      "  - {id: c, tier: standard, per: [user], when: {model: \"claude-*\"}, unit: usd, amount: "
      "50, window: day}\n"
      "  - {id: d, per: [api_key], unit: requests, amount: 600, window: 60s}\n"
      "  - {id: e, tier: standard, per: [user, model], unit: total_tokens, amount: 1000000, "
      "window: 1h}\n"
      "  - {id: f, per: [team, user], unit: usd, amount: 500, window: month, overrides: [\n";
  for (int i = 0; i < overrides; ++i) {
    absl::StrAppend(&text, "      {team: t, user: user-", i, ", amount: ", 1000 + i, "},\n");
  }
  return text + "    ]}\n";
}

// A match hardly knows how many overrides there are. `tools/bench policy` says how long it takes.
TEST(PolicyLoadTest, MatchesSixLimitsAmongAHundredThousandOverridesInTime) {
  const auto policy = ParsePolicy(SixLimits(kOverrides), "p.yaml");
  const auto small = ParsePolicy(SixLimits(10), "p.yaml");
  ASSERT_TRUE(policy.ok()) << policy.status();
  ASSERT_TRUE(small.ok()) << small.status();
  std::vector<Subject> subjects(4'000);
  for (size_t i = 0; i < subjects.size(); ++i) {
    subjects[i] = {"acme", "t", "", absl::StrCat("user-", i * 25), absl::StrCat("key-", i), "", {}};
  }
  std::vector<AppliedLimit> applied;
  const auto match_all = [&](const Policy& with) {
    for (const Subject& subject : subjects) {
      applied.clear();
      with.Match(subject, "claude-sonnet-4-5", &applied);
    }
    ASSERT_EQ(applied.size(), 6u);
  };
  const double cost = fixtures::RelativeCost(
      20,
      [&] {
        match_all(**policy);
        ASSERT_EQ(applied[5].amount, int64_t{1000 + 3'999 * 25} * 1'000'000'000);
      },
      [&] { match_all(**small); });
  RecordProperty("relative_cost", std::to_string(cost));
  EXPECT_LT(cost, 3);
}

TEST(PolicyLoadTest, ReadsTheSameAsOneLineOfJson) {
  std::string text =
      R"({"limits": [{"id": "l", "per": ["user"], "unit": "requests", "amount": 5, "window": "month", "on_outage": "deny", "overrides": [)";
  for (int i = 0; i < kOverrides; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", "{\"user\": \"user-", i,
                    "@example.com\", \"amount\": ", 1000 + i, "}");
  }
  const auto policy = ParsePolicy(text + "]}]}", "p.json");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(AmountFor(**policy, "user-77777@example.com"), 78'777);
}

// Overrides of equal rank over several sets of dimensions, none of which meet, and then one that
// meets some of them.
TEST(PolicyLoadTest, FindsTheOneTieAmongManyOverrides) {
  std::string text =
      "limits:\n"
      "  - id: l\n"
      "    per: [team, project, user, api_key]\n"
      "    unit: requests\n"
      "    amount: 5\n"
      "    window: month\n"
      "    on_outage: deny\n"
      "    overrides:\n";
  for (int i = 0; i < 5'000; ++i) {
    for (const char* other : {"project", "user", "api_key"}) {
      absl::StrAppend(&text, "      - {team: ", other, i, ", ", other, ": x, amount: 1}\n");
    }
  }
  EXPECT_TRUE(ParsePolicy(text, "p.yaml").ok());
  const auto tied = ParsePolicy(text + "      - {project: x, user: u, amount: 1}\n", "p.yaml");
  ASSERT_FALSE(tied.ok());
  EXPECT_NE(std::string(tied.status().message())
                .find("p.yaml:15009: limits[0].overrides[15000]: ties with the override"),
            std::string::npos)
      << tied.status();
}

}  // namespace
}  // namespace quotaplane
