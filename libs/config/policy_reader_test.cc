// What a sound policy file means.
#include "libs/config/policy_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;

PolicyDocument MustParse(std::string_view text) {
  const absl::StatusOr<std::shared_ptr<const Policy>> policy = ParsePolicy(text, "p.yaml");
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? (*policy)->document() : PolicyDocument();
}

// The only limit of a document whose limit has these lines.
Limit LimitWith(std::string_view lines) {
  const PolicyDocument document =
      MustParse("limits:\n  - id: l\n    per: [user]\n    on_outage: deny\n" + std::string(lines));
  EXPECT_EQ(document.limits.size(), 1u);
  return document.limits.empty() ? Limit() : document.limits[0];
}

std::vector<std::string> Patterns(const std::vector<Glob>& globs) {
  std::vector<std::string> patterns;
  for (const Glob& glob : globs) patterns.push_back(glob.pattern());
  return patterns;
}

constexpr std::string_view kFull = R"(defaults: {on_outage: deny, time_zone: Europe/Berlin}
unpriced_models: {price_as: claude-opus-4-1}
models:
  - {id: interns, when: {team: interns}, allow: ["claude-haiku-*"], deny: gpt-*}
limits:
  - id: user-month
    per: [user]
    when: {model: "claude-*", labels.agent: ["ci-*", "nightly"]}
    unit: usd
    amount: 500.25
    window: month
    time_zone: America/New_York
    starts_on: 15
    on_exceed: {downgrade: claude-haiku-4-5}
    on_outage: allow
    hold: none
    overrides:
      - {user: alice, amount: 900}
      - user: bob
        org: acme
        amount: 0.000000001
  - {id: team-parallel, per: [team], unit: concurrency, amount: 20}
)";

TEST(PolicyReaderTest, ReadsEveryKey) {
  const PolicyDocument document = MustParse(kFull);
  EXPECT_EQ(document.unpriced_models, UnpricedModels::kPriceAs);
  EXPECT_EQ(document.price_as, "claude-opus-4-1");

  ASSERT_EQ(document.model_rules.size(), 1u);
  const ModelRule& rule = document.model_rules[0];
  EXPECT_EQ(rule.id, "interns");
  EXPECT_EQ(rule.when[0].dimension.ToString(), "team");
  EXPECT_THAT(Patterns(rule.when[0].any_of), ElementsAre("interns"));
  EXPECT_THAT(Patterns(rule.allow), ElementsAre("claude-haiku-*"));
  EXPECT_THAT(Patterns(rule.deny), ElementsAre("gpt-*"));
  EXPECT_EQ(rule.source, "p.yaml:4: models[0]");

  ASSERT_EQ(document.limits.size(), 2u);
  const Limit& limit = document.limits[0];
  EXPECT_EQ(limit.id, "user-month");
  EXPECT_THAT(limit.per, ElementsAre(*ParseDimension("user")));
  ASSERT_EQ(limit.when.size(), 2u);
  EXPECT_EQ(limit.when[0].dimension.ToString(), "model");
  EXPECT_EQ(limit.when[1].dimension.ToString(), "labels.agent");
  EXPECT_THAT(Patterns(limit.when[1].any_of), ElementsAre("ci-*", "nightly"));
  EXPECT_EQ(limit.unit.kind, UnitKind::kUsd);
  EXPECT_EQ(limit.amount, 500'250'000'000);
  EXPECT_EQ(limit.window.ToString(), "month America/New_York from 15");
  EXPECT_EQ(limit.on_exceed, OnExceed::kDowngrade);
  EXPECT_EQ(limit.downgrade_model, "claude-haiku-4-5");
  EXPECT_EQ(limit.on_outage, OnOutage::kAllow);
  EXPECT_EQ(limit.hold, HoldMode::kNone);
  EXPECT_EQ(limit.source, "p.yaml:6: limits[0]");
  ASSERT_EQ(limit.overrides.size(), 2u);
  EXPECT_EQ(limit.overrides[0].amount, 900'000'000'000);
  EXPECT_EQ(limit.overrides[0].source, "p.yaml:18: limits[0].overrides[0]");
  EXPECT_EQ(limit.overrides[1].amount, 1);
  EXPECT_THAT(limit.overrides[1].match, ElementsAre(testing::Pair(*ParseDimension("org"), "acme"),
                                                    testing::Pair(*ParseDimension("user"), "bob")));

  EXPECT_EQ(document.limits[1].unit.kind, UnitKind::kConcurrency);
  EXPECT_EQ(document.limits[1].window.ToString(), "lifetime");
  EXPECT_EQ(document.limits[1].on_outage, OnOutage::kDeny);
}

TEST(PolicyReaderTest, WhatIsLeftOutHasADefault) {
  const Limit limit = LimitWith("    unit: requests\n    amount: 7\n    window: day\n");
  EXPECT_EQ(limit.window.ToString(), "day UTC");
  EXPECT_EQ(limit.on_exceed, OnExceed::kDeny);
  EXPECT_EQ(limit.hold, HoldMode::kEstimate);
  EXPECT_TRUE(limit.when.empty());
  EXPECT_TRUE(limit.overrides.empty());
  EXPECT_EQ(MustParse("limits: []\n").unpriced_models, UnpricedModels::kDeny);
  EXPECT_TRUE(MustParse("limits: []\n").limits.empty());
}

TEST(PolicyReaderTest, ReadsEveryUnitAndWindow) {
  for (const std::string unit :
       {"requests", "input_tokens", "output_tokens", "total_tokens", "mcp_tool_calls"}) {
    const Limit limit = LimitWith(
        absl::StrCat("    unit: ", unit, "\n    amount: 9007199254740991\n    window: 60s\n"));
    EXPECT_EQ(limit.unit.ToString(), unit);
    EXPECT_EQ(limit.amount, kMaxAmount);
  }
  const std::vector<std::pair<std::string, std::string>> windows = {{"60s", "60s"},
                                                                    {"90m", "5400s"},
                                                                    {"24h", "1d"},
                                                                    {"30d", "30d"},
                                                                    {"lifetime", "lifetime"},
                                                                    {"week", "week UTC"},
                                                                    {"quarter", "quarter UTC"},
                                                                    {"year", "year UTC"}};
  for (const auto& [written, meant] : windows) {
    EXPECT_EQ(LimitWith(absl::StrCat("    unit: usd\n    amount: 1\n    window: ", written, "\n"))
                  .window.ToString(),
              meant);
  }
}

TEST(PolicyReaderTest, ReadsEveryWayToExceed) {
  const auto exceed = [](std::string_view value) {
    return LimitWith("    unit: usd\n    amount: \"1.50\"\n    window: 1h\n    on_exceed: " +
                     std::string(value) + "\n");
  };
  EXPECT_EQ(exceed("deny").on_exceed, OnExceed::kDeny);
  EXPECT_EQ(exceed("\"downgrade: m-1\"").downgrade_model, "m-1");
  EXPECT_EQ(exceed("\"downgrade:m-1\"").on_exceed, OnExceed::kDowngrade);
  EXPECT_EQ(exceed("deny").amount, 1'500'000'000);
}

TEST(PolicyReaderTest, SoftAndShadowLimitsNeverRefuseInAnOutage) {
  for (const std::string kind : {"soft", "shadow"}) {
    const PolicyDocument document = MustParse(
        absl::StrCat("defaults: {on_outage: deny}\n"
                     "limits: [{id: l, per: [], unit: usd, amount: 1, window: 1h, on_exceed: ",
                     kind, "}]\n"));
    EXPECT_EQ(document.limits[0].on_outage, OnOutage::kAllow);
  }
}

TEST(PolicyReaderTest, AllowsEveryWayToTreatUnpricedModels) {
  EXPECT_EQ(MustParse("unpriced_models: flag\nlimits: []\n").unpriced_models,
            UnpricedModels::kFlag);
  EXPECT_EQ(MustParse("unpriced_models: deny\nlimits: []\n").unpriced_models,
            UnpricedModels::kDeny);
  EXPECT_EQ(MustParse("unpriced_models: \"price_as: m\"\nlimits: []\n").price_as, "m");
}

TEST(PolicyReaderTest, LineEndingsAndMarksDoNotMatter) {
  std::string windows(kFull);
  for (size_t at = 0; (at = windows.find('\n', at)) != std::string::npos; at += 2)
    windows.replace(at, 1, "\r\n");
  const auto plain = ParsePolicy(kFull, "a");
  const auto other = ParsePolicy("\xEF\xBB\xBF" + windows, "b");
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ((*plain)->fingerprint(), (*other)->fingerprint());
}

TEST(PolicyReaderTest, JsonIsYaml) {
  const PolicyDocument document = MustParse(
      R"({"limits": [{"id": "l", "per": ["user"], "unit": "usd", "amount": 1.5, "window": "day", "on_outage": "deny"}]})");
  EXPECT_EQ(document.limits.at(0).amount, 1'500'000'000);
}

TEST(PolicyReaderTest, ReadsTiersAndApprovals) {
  const PolicyDocument document = MustParse(R"(approvals: 2
tiers:
  - {tier: restricted, when: {model: "*-preview", team: [interns, "contractor-*"]}}
  - {tier: standard}
models:
  - {id: m, tier: restricted, allow: "claude-haiku-*"}
limits:
  - {id: l, tier: standard, per: [], unit: usd, amount: 5, window: day, on_outage: deny}
)");
  EXPECT_EQ(document.approvals, 2);
  ASSERT_EQ(document.tiers.size(), 2u);
  EXPECT_EQ(document.tiers[0].tier, "restricted");
  ASSERT_EQ(document.tiers[0].when.size(), 2u);
  EXPECT_EQ(document.tiers[0].when[0].dimension.ToString(), "team");
  EXPECT_THAT(Patterns(document.tiers[0].when[0].any_of), ElementsAre("interns", "contractor-*"));
  EXPECT_EQ(document.tiers[0].source, "p.yaml:3: tiers[0]");
  EXPECT_TRUE(document.tiers[1].when.empty());
  EXPECT_EQ(document.model_rules[0].tier, "restricted");
  EXPECT_EQ(document.limits[0].tier, "standard");
}

TEST(LoadPolicyFileTest, ReadsAFileAndNamesItInErrors) {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / absl::StrCat("qp_policy_test_", getpid());
  std::filesystem::create_directory(directory);
  const std::string path = directory / "policy.yaml";
  std::ofstream(path) << kFull;
  const auto policy = LoadPolicyFile(path);
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ((*policy)->document().limits.size(), 2u);

  std::ofstream(path, std::ios::trunc) << "limit: []\n";
  EXPECT_EQ(LoadPolicyFile(path).status(),
            absl::InvalidArgumentError(
                absl::StrCat(path, ":1: limit: unknown key; did you mean \"limits\"?\n", path,
                             ":1: `limits` is missing; write `limits: []` if there are none")));
  std::filesystem::remove_all(directory);
  EXPECT_EQ(LoadPolicyFile(path).status(),
            absl::NotFoundError(path + ": No such file or directory"));
}

}  // namespace
}  // namespace quotaplane
