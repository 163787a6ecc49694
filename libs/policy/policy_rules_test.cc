// Which models a subject may use.
#include <gtest/gtest.h>

#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

std::vector<Glob> Globs(std::vector<std::string> patterns) {
  std::vector<Glob> globs;
  for (std::string& pattern : patterns) globs.emplace_back(std::move(pattern));
  return globs;
}

ModelRule Rule(std::string id, std::vector<Condition> when, std::vector<std::string> allow,
               std::vector<std::string> deny) {
  return {std::move(id), std::move(when), Globs(std::move(allow)), Globs(std::move(deny)), "here"};
}

// The id of the rule that refuses, or "".
std::string Refusing(std::vector<ModelRule> rules, const Subject& subject, std::string_view model) {
  PolicyDocument document;
  document.model_rules = std::move(rules);
  const absl::StatusOr<std::shared_ptr<const Policy>> policy = Policy::Build(std::move(document));
  EXPECT_TRUE(policy.ok()) << policy.status();
  if (!policy.ok()) return "";
  const ModelRule* rule = (*policy)->RefusingRule(subject, model);
  return rule == nullptr ? "" : rule->id;
}

TEST(ModelRuleTest, NothingIsRefusedWithoutRules) { EXPECT_EQ(Refusing({}, Alice(), "m"), ""); }

TEST(ModelRuleTest, AnAllowListRefusesWhatIsNotOnIt) {
  const ModelRule rule = Rule("r", {}, {"claude-haiku-*", "gpt-5-mini"}, {});
  EXPECT_EQ(Refusing({rule}, Alice(), "claude-haiku-4"), "");
  EXPECT_EQ(Refusing({rule}, Alice(), "gpt-5-mini"), "");
  EXPECT_EQ(Refusing({rule}, Alice(), "gpt-5"), "r");
}

TEST(ModelRuleTest, ADenyListRefusesWhatIsOnIt) {
  const ModelRule rule = Rule("r", {}, {}, {"*-preview"});
  EXPECT_EQ(Refusing({rule}, Alice(), "o9-preview"), "r");
  EXPECT_EQ(Refusing({rule}, Alice(), "o9"), "");
}

TEST(ModelRuleTest, DenyWinsWithinARule) {
  const ModelRule rule = Rule("r", {}, {"claude-*"}, {"claude-opus-*"});
  EXPECT_EQ(Refusing({rule}, Alice(), "claude-haiku-4"), "");
  EXPECT_EQ(Refusing({rule}, Alice(), "claude-opus-4"), "r");
}

TEST(ModelRuleTest, OnlyRulesWhoseWhenMatchesCount) {
  const ModelRule rule =
      Rule("r", {When("team", {"interns", "guests"}), When("user", {"a*"})}, {"mini"}, {});
  Subject subject = Alice();
  EXPECT_EQ(Refusing({rule}, subject, "maxi"), "");
  subject.team = "guests";
  EXPECT_EQ(Refusing({rule}, subject, "maxi"), "r");
  subject.user = "bob";
  EXPECT_EQ(Refusing({rule}, subject, "maxi"), "");
  subject.user.clear();
  EXPECT_EQ(Refusing({rule}, subject, "maxi"), "");
}

TEST(ModelRuleTest, EveryMatchingRuleMustBeSatisfiedAndTheFirstIsNamed) {
  const ModelRule all = Rule("all", {}, {"claude-*"}, {});
  const ModelRule team = Rule("team", {When("team", {"search"})}, {"*-4"}, {});
  const ModelRule last = Rule("last", {}, {}, {"gpt-*"});
  EXPECT_EQ(Refusing({all, team, last}, Alice(), "claude-4"), "");
  EXPECT_EQ(Refusing({all, team, last}, Alice(), "claude-5"), "team");
  EXPECT_EQ(Refusing({all, team, last}, Alice(), "gpt-5"), "all");
  EXPECT_EQ(Refusing({team, last, all}, Alice(), "gpt-5"), "team");
  EXPECT_EQ(Refusing({last, team, all}, Alice(), "gpt-5"), "last");
}

TEST(ModelRuleTest, TheModelAskedForCountsNotTheSubjects) {
  EXPECT_EQ(Refusing({Rule("r", {}, {"claude-*"}, {})}, Alice(), "gpt"), "r");
}

}  // namespace
}  // namespace quotaplane
