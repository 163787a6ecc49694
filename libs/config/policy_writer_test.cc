// What is written reads as what it was written from.
#include "libs/config/policy_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "libs/config/policy_reader.h"
#include "libs/policy/policy_builder.h"
#include "libs/policy/policy_random.h"
#include "libs/testing/relative_cost.h"

namespace quotaplane {
namespace {

std::string Canonical(std::string_view text) {
  const auto policy = ParsePolicy(text, "p.yaml");
  EXPECT_TRUE(policy.ok()) << policy.status() << "\n" << text;
  return policy.ok() ? WritePolicy((*policy)->document()) : "";
}

constexpr std::string_view kCanonical = R"(approvals: 2
unpriced_models: {price_as: claude-opus-4-1}
retention: {entries: 30d, days: 3650d, below_floor: true}
tiers:
  - {tier: restricted, when: {team: [interns, "contractor-*"], model: "*-preview"}}
  - {tier: standard}
models:
  - {id: interns, tier: restricted, when: {team: interns}, allow: "claude-haiku-*", deny: [o3, o4]}
cost_centers:
  - {from: labels.cost_center}
  - {cost_center: R-100, when: {team: [search, ads]}}
limits:
  - id: user-month
    tier: standard
    per: [team, user]
    when: {model: "claude-*", labels.agent: ["ci-*", nightly]}
    unit: usd
    amount: 500.25
    window: month
    time_zone: America/New_York
    starts_on: 15
    on_exceed: {downgrade: claude-haiku-4-5}
    on_outage: allow
    hold: none
    overrides:
      - {org: acme, team: search, user: alice, amount: 9007199.254740991}
      - {team: "1042", amount: 0.000000001}
      - {team: ads, user: bob@example.com, amount: 0}
  - id: burst
    per: [api_key]
    unit: requests
    amount: 600
    window: 90m
    on_outage: deny
  - id: parallel
    per: []
    unit: concurrency
    amount: 20
    on_exceed: soft
)";

TEST(PolicyWriterTest, HasOneForm) { EXPECT_EQ(Canonical(kCanonical), kCanonical); }

TEST(PolicyWriterTest, ManyWaysToSayItGiveOne) {
  EXPECT_EQ(Canonical(R"({"limits": [{"window": "5400s", "id": 'burst', "unit": "requests",
      "amount": 600, "on_exceed": "deny", "hold": "estimate", "per": ["api_key", "org"]}],
      "defaults": {"on_outage": "deny"}, "unpriced_models": "deny", "approvals": 0})"),
            "limits:\n"
            "  - id: burst\n"
            "    per: [api_key]\n"
            "    unit: requests\n"
            "    amount: 600\n"
            "    window: 90m\n"
            "    on_outage: deny\n");
  EXPECT_EQ(Canonical("defaults: {time_zone: Europe/Berlin, on_outage: allow}\n"
                      "limits: [{id: d, per: [], unit: usd, amount: \"+5.500\", window: day}]\n"),
            "limits:\n"
            "  - id: d\n"
            "    per: []\n"
            "    unit: usd\n"
            "    amount: 5.5\n"
            "    window: day\n"
            "    time_zone: Europe/Berlin\n"
            "    on_outage: allow\n");
  EXPECT_EQ(WritePolicy({}), "limits: []\n");
}

TEST(PolicyWriterTest, RandomDocumentsComeBack) {
  const uint64_t first = std::random_device()();
  for (uint64_t seed = first; seed < first + 2'000; ++seed) {
    const auto policy = Policy::Build(RandomPolicy(seed).Document());
    ASSERT_TRUE(policy.ok()) << "seed " << seed << "\n" << policy.status();
    const std::string text = WritePolicy((*policy)->document());
    const auto again = ParsePolicy(text, "p.yaml");
    ASSERT_TRUE(again.ok()) << "seed " << seed << "\n" << again.status() << "\n" << text;
    ASSERT_EQ((*again)->fingerprint(), (*policy)->fingerprint()) << "seed " << seed << "\n" << text;
    ASSERT_EQ(WritePolicy((*again)->document()), text) << "seed " << seed;
    ASSERT_EQ((*again)->document().approvals, (*policy)->document().approvals);
    ASSERT_EQ((*again)->document().retention, (*policy)->document().retention);
  }
}

TEST(PolicyWriterTest, OverridesInAnyOrderGiveTheSameBytes) {
  std::mt19937_64 random(7);
  PolicyDocument document;
  document.limits = {DailyLimit("l", {"team", "user"}, 1)};
  for (int i = 0; i < 100; ++i) {
    document.limits[0].overrides.push_back(
        For({{"team", absl::StrCat(i % 7)}, {"user", absl::StrCat("u", i)}}, i));
  }
  const std::string text = WritePolicy((*Policy::Build(document))->document());
  for (int i = 0; i < 10; ++i) {
    std::shuffle(document.limits[0].overrides.begin(), document.limits[0].overrides.end(), random);
    EXPECT_EQ(WritePolicy((*Policy::Build(document))->document()), text);
  }
}

std::shared_ptr<const Policy> ShuffledOverrides(int count) {
  PolicyDocument document;
  document.limits = {DailyLimit("l", {"team", "user"}, 1)};
  std::vector<Override>& overrides = document.limits[0].overrides;
  for (int i = 0; i < count; ++i) {
    overrides.push_back(
        For({{"team", absl::StrCat("team-", i % 100)}, {"user", absl::StrCat("user-", i)}}, i));
  }
  std::mt19937_64 random(7);
  std::shuffle(overrides.begin(), overrides.end(), random);
  return *Policy::Build(std::move(document));
}

// Twenty times as many, which are sorted. `tools/bench policy` says how long it takes.
TEST(PolicyWriterTest, WritesAHundredThousandOverridesInTime) {
  const auto policy = ShuffledOverrides(100'000), fewer = ShuffledOverrides(5'000);
  std::string text;
  const double cost = fixtures::RelativeCost(
      3, [&] { text = WritePolicy(policy->document()); },
      [&] { ASSERT_FALSE(WritePolicy(fewer->document()).empty()); });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100'000 + 9);
  RecordProperty("relative_cost", std::to_string(cost));
  EXPECT_LT(cost, 150);  // 59 here; what is quadratic takes 400
}

}  // namespace
}  // namespace quotaplane
