// Whose cost it is.
#include "libs/policy/cost_center.h"

#include <gtest/gtest.h>

#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

CostCenterRule Named(std::string name, std::vector<Condition> when = {},
                     std::string source = "rule") {
  return {std::move(when), std::move(name), std::nullopt, std::move(source)};
}
CostCenterRule From(std::string_view dimension, std::vector<Condition> when = {}) {
  return {std::move(when), "", Dim(dimension), "rule"};
}

absl::StatusOr<std::shared_ptr<const Policy>> Build(std::vector<CostCenterRule> rules) {
  PolicyDocument document;
  document.cost_centers = std::move(rules);
  return Policy::Build(std::move(document));
}

std::string CenterOf(std::vector<CostCenterRule> rules, const Subject& subject) {
  const auto policy = Build(std::move(rules));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? std::string((*policy)->CostCenterOf(subject)) : "";
}

std::string ErrorOf(std::vector<CostCenterRule> rules) {
  const auto policy = Build(std::move(rules));
  return policy.ok() ? "OK" : std::string(policy.status().message());
}

// Alice is of the team "search" and the project "assistant", with the label agent=ci.

TEST(CostCenterTest, WithoutRulesThereIsNone) { EXPECT_EQ(CenterOf({}, Alice()), ""); }

TEST(CostCenterTest, TheFirstRuleThatMatchesDecides) {
  const std::vector<CostCenterRule> rules = {Named("R-1", {When("team", {"ads"})}),
                                             Named("R-2", {When("project", {"ass*"})}),
                                             Named("R-3", {When("team", {"search"})})};
  EXPECT_EQ(CenterOf(rules, Alice()), "R-2");
  Subject other = Alice();
  other.project = "";
  EXPECT_EQ(CenterOf(rules, other), "R-3");
  other.team = "sales";
  EXPECT_EQ(CenterOf(rules, other), "") << "what no rule maps has none";
}

TEST(CostCenterTest, AllOfWhenHasToMatch) {
  const CostCenterRule rule =
      Named("R-1", {When("team", {"search"}), When("labels.agent", {"nightly"})});
  EXPECT_EQ(CenterOf({rule}, Alice()), "");
  Subject nightly = Alice();
  nightly.labels = {{"agent", "nightly"}};
  EXPECT_EQ(CenterOf({rule}, nightly), "R-1");
}

TEST(CostCenterTest, FromTakesTheSubjectsOwnValueWhereItHasOne) {
  const std::vector<CostCenterRule> rules = {From("labels.cost_center"), Named("R-9")};
  EXPECT_EQ(CenterOf(rules, Alice()), "R-9");
  Subject labelled = Alice();
  labelled.labels.emplace_back("cost_center", "R-100");
  EXPECT_EQ(CenterOf(rules, labelled), "R-100");
  EXPECT_EQ(CenterOf({From("team", {When("project", {"x"})})}, Alice()), "");
  EXPECT_EQ(CenterOf({From("team")}, Alice()), "search");
}

TEST(CostCenterTest, AgreesWithLookingAtEveryRule) {
  std::vector<CostCenterRule> rules;
  for (int i = 0; i < 1'000; ++i) {
    const std::string team = "team-" + std::to_string(i % 200);
    const std::string project = i % 3 == 0 ? "p*" : "q" + std::to_string(i % 11);
    rules.push_back(Named("R-" + std::to_string(i),
                          {When("team", {team}), When("project", {project, std::to_string(i)})}));
  }
  const auto policy = Build(rules);
  ASSERT_TRUE(policy.ok()) << policy.status();
  for (int i = 0; i < 2'000; ++i) {
    Subject subject = Alice();
    subject.team = "team-" + std::to_string(i % 230);
    subject.project = i % 2 == 0 ? "p1" : "q" + std::to_string(i % 13);
    std::string expected;
    for (const CostCenterRule& rule : rules) {
      if (!MatchesAll(rule.when, subject, "")) continue;
      expected = rule.cost_center;
      break;
    }
    EXPECT_EQ((*policy)->CostCenterOf(subject), expected) << subject.team << " " << subject.project;
  }
}

TEST(CostCenterTest, ARuleNamesOneTarget) {
  EXPECT_EQ(ErrorOf({CostCenterRule{{}, "", std::nullopt, "here"}}),
            "here: has neither `cost_center` nor `from`; give one");
  EXPECT_EQ(ErrorOf({CostCenterRule{{}, "R-1", Dim("team"), "here"}}),
            "here: has both `cost_center` and `from`; keep one");
  EXPECT_EQ(ErrorOf({Named("a\nb")}), "rule: `cost_center` must have no control characters");
  EXPECT_EQ(ErrorOf({From("user")}), "rule: `from` takes team, project and labels.NAME, not user");
}

TEST(CostCenterTest, ConditionsSayWhoseCostItIs) {
  EXPECT_EQ(ErrorOf({Named("R-1", {When("model", {"m"})})}),
            "rule: `when` of a cost center takes team, project and labels.NAME, not model");
  EXPECT_EQ(ErrorOf({Named("R-1", {When("team", {})})}),
            "rule: when.team has no glob and would match nothing; give one");
}

TEST(CostCenterTest, RulesThatNothingReachesAreErrors) {
  EXPECT_EQ(ErrorOf({Named("R-1", {}, "first"), Named("R-2", {When("team", {"a"})}, "second")}),
            "second: is never reached: first takes every subject; put that one last");
  EXPECT_EQ(ErrorOf({Named("R-1", {When("team", {"a", "b"})}, "first"),
                     Named("R-2", {When("team", {"b", "a"})}, "second")}),
            "second: is never reached: first takes all that it matches; remove one");
  EXPECT_EQ(ErrorOf({From("team"), From("team")}),
            "rule: is never reached: rule takes all that it matches; remove one");
  EXPECT_EQ(ErrorOf({From("team"), From("labels.cost_center"), Named("R-1")}), "OK");
}

TEST(CostCenterTest, ThereIsABound) {
  std::vector<CostCenterRule> rules(kMaxCostCenterRules + 1, Named("R-1"));
  EXPECT_EQ(ErrorOf(rules), "policy: has 10001 cost center rules; at most 10000 are allowed");
}

TEST(CostCenterTest, TheFingerprintKnowsThem) {
  const auto fingerprint = [](std::vector<CostCenterRule> rules) {
    return (*Build(std::move(rules)))->fingerprint();
  };
  const std::string one = fingerprint({Named("R-1", {When("team", {"a", "b"})})});
  EXPECT_EQ(one, fingerprint({Named("R-1", {When("team", {"b", "a"})}, "elsewhere")}));
  EXPECT_NE(one, fingerprint({}));
  EXPECT_NE(one, fingerprint({Named("R-2", {When("team", {"a", "b"})})}));
  EXPECT_NE(fingerprint({From("team")}), fingerprint({From("project")}));
}

}  // namespace
}  // namespace quotaplane
