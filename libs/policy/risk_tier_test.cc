// Risk tiers: which one a request is of, and what that changes.
#include "libs/policy/risk_tier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/policy/counter_identity.h"
#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;

// Alice is of the team "search" and the project "assistant", and asks for "claude-opus-4".

PolicyDocument Tiered(std::vector<TierRule> tiers) {
  PolicyDocument document;
  document.tiers = std::move(tiers);
  return document;
}

std::shared_ptr<const Policy> MustBuild(PolicyDocument document) {
  absl::StatusOr<std::shared_ptr<const Policy>> policy = Policy::Build(std::move(document));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

std::string ErrorOf(PolicyDocument document) {
  const auto policy = Policy::Build(std::move(document));
  return policy.ok() ? "OK" : std::string(policy.status().message());
}

std::vector<std::string> Ids(const Policy& policy, const Subject& subject, std::string_view model) {
  std::vector<AppliedLimit> applied;
  policy.Match(subject, model, &applied);
  std::vector<std::string> ids;
  for (const AppliedLimit& each : applied) ids.push_back(each.limit->id);
  return ids;
}

Limit TierLimit(std::string id, std::string tier) {
  Limit limit = DailyLimit(std::move(id), {"user"}, 1);
  limit.tier = std::move(tier);
  return limit;
}

std::vector<TierRule> ThreeRules() {
  return {{"restricted", {When("team", {"interns", "contractor-*"})}, ""},
          {"restricted", {When("model", {"*-preview"})}, ""},
          {"standard", {When("project", {"assistant"})}, ""}};
}

TEST(RiskTierTest, TheFirstRuleThatMatchesDecides) {
  const auto policy = MustBuild(Tiered(ThreeRules()));
  EXPECT_EQ(policy->TierOf(Alice(), "claude-opus-4"), "standard");
  EXPECT_EQ(policy->TierOf(Alice(), "o9-preview"), "restricted") << "the attempt's model decides";
  Subject contractor = Alice();
  contractor.team = "contractor-7";
  EXPECT_EQ(policy->TierOf(contractor, "claude-opus-4"), "restricted");
  Subject elsewhere = Alice();
  elsewhere.project = "other";
  EXPECT_EQ(policy->TierOf(elsewhere, "claude-opus-4"), "") << "no rule, no tier";
  EXPECT_EQ(MustBuild({})->TierOf(Alice(), "m"), "");
}

TEST(RiskTierTest, LimitsApplyToTheirTierAlone) {
  PolicyDocument document = Tiered(ThreeRules());
  document.limits = {TierLimit("a", "restricted"), DailyLimit("all", {"user"}, 1),
                     TierLimit("b", "standard")};
  const auto policy = MustBuild(document);
  EXPECT_THAT(Ids(*policy, Alice(), "claude-opus-4"), ElementsAre("all", "b"));
  EXPECT_THAT(Ids(*policy, Alice(), "o9-preview"), ElementsAre("a", "all"));
  Subject elsewhere = Alice();
  elsewhere.project = "";
  EXPECT_THAT(Ids(*policy, elsewhere, "claude-opus-4"), ElementsAre("all"));
}

TEST(RiskTierTest, ModelRulesApplyToTheirTierAlone) {
  PolicyDocument document = Tiered(ThreeRules());
  document.model_rules = {{"r", {}, {Glob("claude-haiku-*")}, {}, "", "restricted"}};
  const auto policy = MustBuild(document);
  EXPECT_EQ(policy->RefusingRule(Alice(), "claude-opus-4"), nullptr);
  Subject intern = Alice();
  intern.team = "interns";
  EXPECT_NE(policy->RefusingRule(intern, "claude-opus-4"), nullptr);
  EXPECT_EQ(policy->RefusingRule(intern, "claude-haiku-4"), nullptr);
  EXPECT_NE(policy->RefusingRule(Alice(), "claude-preview"), nullptr);
}

TEST(RiskTierTest, TheTierIsPartOfTheScopesName) {
  Limit limit = TierLimit("l", "restricted");
  limit.when = {When("model", {"gpt-*"})};
  EXPECT_EQ(ScopeString(limit, Alice(), "m"),
            "{org=acme, user=alice, model=gpt-*, tier=restricted}");
}

TEST(RiskTierTest, CountersCountAnewWhenTheTiersRulesChange) {
  PolicyDocument document = Tiered(ThreeRules());
  document.limits = {TierLimit("a", "restricted"), TierLimit("b", "standard"),
                     DailyLimit("c", {"user"}, 1)};
  const std::vector<Digest> before = CounterFamilies(document);
  EXPECT_NE(before[0], before[1]);
  EXPECT_NE(before[1], before[2]);
  document.tiers[0].when[0].any_of = {Glob("contractor-*"), Glob("interns")};
  EXPECT_EQ(CounterFamilies(document), before) << "the same, said otherwise";
  document.tiers[0].when[0].any_of.emplace_back("temps");
  const std::vector<Digest> after = CounterFamilies(document);
  EXPECT_NE(after[0], before[0]);
  EXPECT_NE(after[1], before[1]) << "who is standard depends on who is restricted";
  EXPECT_EQ(after[2], before[2]);
}

TEST(RiskTierTest, WhatIsWrongIsSaid) {
  EXPECT_EQ(ErrorOf(Tiered({{"Bad", {}, "p.yaml:2: tiers[0]"}})),
            "p.yaml:2: tiers[0]: `tier` must begin with a-z or 0-9 and have at most 63 of a-z, "
            "0-9, `.`, `_` and `-`");
  EXPECT_EQ(ErrorOf(Tiered({{"t", {When("user", {"a"})}, "here"}})),
            "here: `when` of a tier takes team, project and model, not user");
  EXPECT_EQ(ErrorOf(Tiered({{"t", {When("labels.a", {"a"})}, "here"}})),
            "here: `when` of a tier takes team, project and model, not labels.a");
  EXPECT_EQ(ErrorOf(Tiered({{"t", {When("team", {})}, ""}})),
            "a tier rule: when.team has no glob and would match nothing; give one");
  EXPECT_EQ(ErrorOf(Tiered({{"t", {When("team", {std::string(129, 'x')})}, "here"}})),
            "here: when.team: a glob must have at most 128 bytes, not 129");
  std::vector<TierRule> many;
  for (size_t i = 0; i <= kMaxTierRules; ++i) {
    many.push_back({"t", {When("team", {absl::StrCat(i)})}, ""});
  }
  EXPECT_EQ(ErrorOf(Tiered(many)), "policy: has 10001 tier rules; at most 10000 are allowed");
}

TEST(RiskTierTest, ARuleThatIsNeverReachedIsAMistake) {
  EXPECT_EQ(ErrorOf(Tiered({{"a", {}, "one"}, {"b", {When("team", {"x"})}, "two"}})),
            "two: is never reached: one takes every subject; put that one last");
  EXPECT_EQ(ErrorOf(Tiered({{"a", {When("team", {"x", "y"})}, "one"},
                            {"b", {When("team", {"y", "x", "y"})}, "two"}})),
            "two: is never reached: one takes all that it matches; remove one");
  EXPECT_EQ(ErrorOf(Tiered({{"a", {When("team", {"x"})}, "one"},
                            {"a", {When("project", {"x"})}, "two"},
                            {"b", {}, "three"}})),
            "OK");
}

TEST(RiskTierTest, ATierThatNoRuleGivesIsAMistake) {
  PolicyDocument document = Tiered({{"restricted", {}, ""}});
  document.limits = {TierLimit("l", "restrictd")};
  EXPECT_EQ(ErrorOf(document),
            "limit \"l\": no rule of `tiers` gives the tier \"restrictd\"; did you mean "
            "\"restricted\"?");
  document.limits.clear();
  document.model_rules = {{"r", {}, {Glob("m")}, {}, "p.yaml:4: models[0]", "other"}};
  EXPECT_EQ(ErrorOf(document),
            "p.yaml:4: models[0]: no rule of `tiers` gives the tier \"other\"; add one, or remove "
            "`tier`");
}

TEST(RiskTierTest, FingerprintsDifferWithTiersAndApprovals) {
  PolicyDocument document = Tiered(ThreeRules());
  document.limits = {TierLimit("l", "restricted")};
  document.model_rules = {{"r", {}, {Glob("m")}, {}, "", "restricted"}};
  std::vector<std::string> fingerprints = {MustBuild(document)->fingerprint()};
  const auto add = [&](auto change) {
    PolicyDocument changed = document;
    change(changed);
    fingerprints.push_back(MustBuild(changed)->fingerprint());
  };
  add([](PolicyDocument& d) { d.limits[0].tier = "standard"; });
  add([](PolicyDocument& d) { d.limits[0].tier = ""; });
  add([](PolicyDocument& d) { d.model_rules[0].tier = "standard"; });
  add([](PolicyDocument& d) { d.model_rules[0].tier = ""; });
  add([](PolicyDocument& d) { std::swap(d.tiers[0], d.tiers[1]); });
  add([](PolicyDocument& d) { d.tiers[2].when = {}; });
  add([](PolicyDocument& d) { d.tiers.push_back({"x", {}, ""}); });
  add([](PolicyDocument& d) { d.approvals = 1; });
  add([](PolicyDocument& d) { d.approvals = 2; });
  std::sort(fingerprints.begin(), fingerprints.end());
  EXPECT_EQ(std::unique(fingerprints.begin(), fingerprints.end()), fingerprints.end());
}

TEST(RiskTierTest, ApprovalsAreBounded) {
  PolicyDocument document;
  document.approvals = kMaxApprovals;
  EXPECT_EQ(ErrorOf(document), "OK");
  document.approvals = kMaxApprovals + 1;
  EXPECT_EQ(ErrorOf(document), "approvals: must be from 0 to 5, not 6");
  document.approvals = -1;
  EXPECT_EQ(ErrorOf(document), "approvals: must be from 0 to 5, not -1");
}

}  // namespace
}  // namespace quotaplane
