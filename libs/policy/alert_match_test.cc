// Which rule decides.
#include "libs/policy/alert_match.h"

#include <gtest/gtest.h>

#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

AlertRule Rule(std::string id, AlertOn on) {
  AlertRule rule;
  rule.id = std::move(id);
  rule.on = on;
  return rule;
}

std::string IdFor(const std::vector<AlertRule>& rules, const AlertFacts& facts) {
  const AlertRule* rule = RuleFor(rules, facts);
  return rule == nullptr ? "" : rule->id;
}

AlertFacts Crossing(std::string_view limit_id, int share_permille) {
  AlertFacts facts;
  facts.on = AlertOn::kThreshold;
  facts.scope.org = "acme";
  facts.limit_id = limit_id;
  facts.share_permille = share_permille;
  return facts;
}

AlertFacts Anomaly(std::string_view per, UsageSignal signal, int64_t usd) {
  AlertFacts facts;
  facts.on = AlertOn::kAnomaly;
  facts.scope.org = "acme";
  facts.per = {Dim(per)};
  facts.signal = signal;
  facts.at_stake_nano_usd = usd * 1'000'000'000;
  return facts;
}

TEST(AlertMatchTest, TheFirstThatFitsDecides) {
  std::vector<AlertRule> rules = {Rule("full", AlertOn::kThreshold),
                                  Rule("users", AlertOn::kThreshold),
                                  Rule("rest", AlertOn::kThreshold)};
  rules[0].at_permille = 1'000;
  rules[1].limits = {Glob("user-*"), Glob("day")};
  EXPECT_EQ(IdFor(rules, Crossing("user-month", 1'000)), "full");
  EXPECT_EQ(IdFor(rules, Crossing("user-month", 1'200)), "full");
  EXPECT_EQ(IdFor(rules, Crossing("user-month", 999)), "users");
  EXPECT_EQ(IdFor(rules, Crossing("day", 500)), "users");
  EXPECT_EQ(IdFor(rules, Crossing("team-day", 500)), "rest");
  rules.pop_back();
  EXPECT_EQ(IdFor(rules, Crossing("team-day", 500)), "") << "nobody is told";
  EXPECT_EQ(IdFor({}, Crossing("team-day", 500)), "");
}

TEST(AlertMatchTest, OnlyRulesOfItsKind) {
  const std::vector<AlertRule> rules = {Rule("t", AlertOn::kThreshold),
                                        Rule("f", AlertOn::kForecast), Rule("a", AlertOn::kAnomaly),
                                        Rule("r", AlertOn::kRunaway)};
  AlertFacts facts = Crossing("l", 500);
  facts.at_stake_nano_usd = kDefaultAlertFloorNanoUsd;
  EXPECT_EQ(IdFor(rules, facts), "t");
  facts.on = AlertOn::kForecast;
  EXPECT_EQ(IdFor(rules, facts), "f");
  facts.on = AlertOn::kAnomaly;
  EXPECT_EQ(IdFor(rules, facts), "a");
  facts.on = AlertOn::kRunaway;
  EXPECT_EQ(IdFor(rules, facts), "r");
}

TEST(AlertMatchTest, WhenIsOfTheScopesOwnDimensions) {
  std::vector<AlertRule> rules = {Rule("r", AlertOn::kThreshold)};
  rules[0].when = {When("team", {"ads", "search*"}), When("labels.session", {"*"})};
  AlertFacts facts = Crossing("l", 500);
  facts.scope.team = "search-2";
  EXPECT_EQ(IdFor(rules, facts), "") << "the scope has no session, whatever it would be";
  facts.scope.labels = {{"session", "s1"}};
  EXPECT_EQ(IdFor(rules, facts), "r");
  facts.scope.team = "sales";
  EXPECT_EQ(IdFor(rules, facts), "");
  rules[0].when = {When("model", {"gpt-*"}), When("org", {"acme"})};
  EXPECT_EQ(IdFor(rules, facts), "");
  facts.scope.model = "gpt-5";
  EXPECT_EQ(IdFor(rules, facts), "r");
}

TEST(AlertMatchTest, AForecastHasToBeEarlyEnough) {
  std::vector<AlertRule> rules = {Rule("early", AlertOn::kForecast),
                                  Rule("any", AlertOn::kForecast)};
  rules[0].margin_us = int64_t{12} * 3'600'000'000;
  rules[0].limits = {Glob("month")};
  AlertFacts facts = Crossing("month", 0);
  facts.on = AlertOn::kForecast;
  facts.margin_us = rules[0].margin_us;
  EXPECT_EQ(IdFor(rules, facts), "early");
  --facts.margin_us;
  EXPECT_EQ(IdFor(rules, facts), "any");
  facts.margin_us = 0;
  EXPECT_EQ(IdFor(rules, facts), "any");
  facts.margin_us = rules[0].margin_us;
  facts.limit_id = "week";
  EXPECT_EQ(IdFor(rules, facts), "any");
}

TEST(AlertMatchTest, SignalsAndFloors) {
  std::vector<AlertRule> rules = {Rule("dear", AlertOn::kAnomaly),
                                  Rule("refused", AlertOn::kAnomaly)};
  rules[0].signals = {UsageSignal::kCost, UsageSignal::kTokens};
  rules[0].floor_nano_usd = 20'000'000'000;
  rules[1].signals = {UsageSignal::kRefusals};
  rules[1].floor_nano_usd = 0;
  EXPECT_EQ(IdFor(rules, Anomaly("user", UsageSignal::kCost, 20)), "dear");
  EXPECT_EQ(IdFor(rules, Anomaly("user", UsageSignal::kTokens, 21)), "dear");
  EXPECT_EQ(IdFor(rules, Anomaly("user", UsageSignal::kCost, 19)), "");
  EXPECT_EQ(IdFor(rules, Anomaly("user", UsageSignal::kRequests, 99)), "");
  EXPECT_EQ(IdFor(rules, Anomaly("user", UsageSignal::kRefusals, 0)), "refused");
}

TEST(AlertMatchTest, PerNamesWhatTheScopeIsOneOf) {
  std::vector<AlertRule> rules = {Rule("r", AlertOn::kAnomaly)};
  rules[0].per = {Dim("team"), Dim("user")};
  const auto fits = [&](std::vector<std::string_view> per) {
    AlertFacts facts = Anomaly("org", UsageSignal::kCost, 100);
    facts.per.clear();
    for (const std::string_view name : per) facts.per.push_back(Dim(name));
    return RuleFor(rules, facts) != nullptr;
  };
  EXPECT_TRUE(fits({"user"}));
  EXPECT_TRUE(fits({"org", "team"})) << "the org is part of every scope";
  EXPECT_TRUE(fits({"team", "user"}));
  EXPECT_FALSE(fits({"user", "model"}));
  EXPECT_FALSE(fits({"labels.session"}));
  EXPECT_FALSE(fits({"org"}));
  EXPECT_FALSE(fits({}));
  rules[0].per = {Dim("org")};
  EXPECT_TRUE(fits({"org"}));
  EXPECT_TRUE(fits({}));
  EXPECT_FALSE(fits({"user"}));
  rules[0].per.clear();
  EXPECT_TRUE(fits({"user"}));
  EXPECT_TRUE(fits({}));
}

TEST(AlertMatchTest, TheRulesOfAPolicyThatSaysNothing) {
  PolicyDocument document;
  EXPECT_EQ(&AlertRulesOf(document), &DefaultAlertRules());
  const std::vector<AlertRule>& rules = AlertRulesOf(document);
  EXPECT_EQ(IdFor(rules, Crossing("l", 1'000)), "limit-exhausted");
  EXPECT_EQ(IdFor(rules, Crossing("l", 500)), "limit-threshold");
  EXPECT_EQ(IdFor(rules, Anomaly("user", UsageSignal::kCost, 5)), "cost-anomaly");
  EXPECT_EQ(IdFor(rules, Anomaly("user", UsageSignal::kCost, 4)), "");
  EXPECT_EQ(IdFor(rules, Anomaly("user", UsageSignal::kRequests, 5)), "");
  document.alerts.emplace();
  EXPECT_TRUE(AlertRulesOf(document).empty()) << "no rules are not the default ones";
}

}  // namespace
}  // namespace quotaplane
