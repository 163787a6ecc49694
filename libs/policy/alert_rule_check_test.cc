// What Build refuses of alert rules, word for word, and what it makes of the rest.
#include "libs/policy/alert_rule_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/policy/alert_digest.h"
#include "libs/policy/alert_match.h"
#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;

// Of a policy with the limits user-month and team-day.
std::string ErrorOf(std::vector<AlertRule> rules) {
  PolicyDocument document;
  document.limits = {DailyLimit("user-month", {"user"}, 1), DailyLimit("team-day", {"team"}, 1)};
  document.alerts = std::move(rules);
  const auto policy = Policy::Build(std::move(document));
  if (policy.ok()) return "OK";
  EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(policy.status().message());
}

AlertRule Rule(std::string id, AlertOn on) {
  AlertRule rule;
  rule.id = std::move(id);
  rule.on = on;
  return rule;
}

template <typename Change>
std::string ErrorAfter(AlertOn on, Change change) {
  AlertRule rule = Rule("r", on);
  change(rule);
  return ErrorOf({std::move(rule)});
}

TEST(AlertRuleCheckTest, TheDefaultsAreSound) {
  EXPECT_EQ(ErrorOf(DefaultAlertRules()), "OK");
  EXPECT_EQ(ErrorOf({}), "OK");
}

TEST(AlertRuleCheckTest, IdsHaveAFormAndAreUniqueAmongRules) {
  EXPECT_THAT(ErrorOf({Rule("R", AlertOn::kRunaway)}),
              HasSubstr("alert rule \"R\": `id` must begin with a-z or 0-9"));
  AlertRule second = Rule("r", AlertOn::kAnomaly);
  second.source = "p.yaml:9: alerts[r]";
  EXPECT_EQ(ErrorOf({Rule("r", AlertOn::kRunaway), second}),
            "p.yaml:9: alerts[r]: id \"r\" is taken by alert rule \"r\"; ids are unique");
  EXPECT_EQ(ErrorOf({Rule("user-month", AlertOn::kRunaway)}), "OK") << "a limit's id is another";
}

TEST(AlertRuleCheckTest, FieldsOfOtherKindsAreRefusedByName) {
  struct Case {
    std::string key;
    std::string whose;
    void (*give)(AlertRule&);
    std::vector<AlertOn> takes;
  };
  const std::vector<Case> cases = {
      {"limits",
       "threshold and forecast",
       [](AlertRule& r) { r.limits = {Glob("*")}; },
       {AlertOn::kThreshold, AlertOn::kForecast}},
      {"at", "threshold", [](AlertRule& r) { r.at_permille = 800; }, {AlertOn::kThreshold}},
      {"margin", "forecast", [](AlertRule& r) { r.margin_us = kHourUs; }, {AlertOn::kForecast}},
      {"signals",
       "anomaly",
       [](AlertRule& r) { r.signals = {UsageSignal::kCost}; },
       {AlertOn::kAnomaly}},
      {"per", "anomaly", [](AlertRule& r) { r.per = {Dim("user")}; }, {AlertOn::kAnomaly}},
      {"floor",
       "anomaly and runaway",
       [](AlertRule& r) { r.floor_nano_usd = 1; },
       {AlertOn::kAnomaly, AlertOn::kRunaway}},
  };
  for (const Case& each : cases) {
    for (const AlertOn on :
         {AlertOn::kThreshold, AlertOn::kForecast, AlertOn::kAnomaly, AlertOn::kRunaway}) {
      const bool takes = std::count(each.takes.begin(), each.takes.end(), on) > 0;
      EXPECT_EQ(ErrorAfter(on, each.give),
                takes ? "OK"
                      : absl::StrCat("alert rule \"r\": `", each.key, "` is for ", each.whose,
                                     " rules only; remove it"))
          << each.key << " " << AlertOnName(on);
    }
  }
}

TEST(AlertRuleCheckTest, DimensionsAreThoseOfScopes) {
  EXPECT_EQ(
      ErrorAfter(
          AlertOn::kThreshold,
          [](AlertRule& r) {
            for (const char* name : {"org", "team", "project", "user", "model", "labels.session"}) {
              r.when.push_back(When(name, {"a*"}));
            }
          }),
      "OK");
  EXPECT_EQ(ErrorAfter(AlertOn::kThreshold,
                       [](AlertRule& r) {
                         r.when = {When("labels.env", {"a"}), When("api_key", {"k"})};
                       }),
            "alert rule \"r\": `when` of an alert rule takes org, team, project, user, model and "
            "labels.session, not api_key\n"
            "alert rule \"r\": `when` of an alert rule takes org, team, project, user, model and "
            "labels.session, not labels.env");
  EXPECT_EQ(ErrorAfter(AlertOn::kAnomaly, [](AlertRule& r) { r.per = {Dim("api_key")}; }),
            "alert rule \"r\": `per` of an alert rule takes org, team, project, user, model and "
            "labels.session, not api_key");
  EXPECT_EQ(ErrorAfter(AlertOn::kRunaway, [](AlertRule& r) { r.when = {When("user", {})}; }),
            "alert rule \"r\": when.user has no glob and would match nothing; give one");
}

TEST(AlertRuleCheckTest, LimitsHaveToBeThere) {
  const auto with = [](std::vector<std::string> globs) {
    return ErrorAfter(AlertOn::kThreshold, [&](AlertRule& r) {
      for (std::string& glob : globs) r.limits.emplace_back(std::move(glob));
    });
  };
  EXPECT_EQ(with({"user-month", "team-*", "*-day", "*"}), "OK");
  EXPECT_EQ(with({"user-mont"}),
            "alert rule \"r\": limits: the policy has no limit \"user-mont\"; did you mean "
            "\"user-month\"?");
  EXPECT_EQ(with({"*", "project-*"}),
            "alert rule \"r\": limits: the policy has no limit \"project-*\"");
  EXPECT_EQ(with({""}),
            "alert rule \"r\": limits: a glob must not be empty\n"
            "alert rule \"r\": limits: the policy has no limit \"\"");
}

TEST(AlertRuleCheckTest, NumbersHaveRanges) {
  EXPECT_EQ(ErrorAfter(AlertOn::kThreshold, [](AlertRule& r) { r.at_permille = 10'000; }), "OK");
  EXPECT_EQ(ErrorAfter(AlertOn::kThreshold, [](AlertRule& r) { r.at_permille = 10'001; }),
            "alert rule \"r\": at must be from 0.1% to 1000%, not 1000.1%");
  EXPECT_EQ(ErrorAfter(AlertOn::kThreshold, [](AlertRule& r) { r.at_permille = -5; }),
            "alert rule \"r\": at must be from 0.1% to 1000%, not -0.5%");
  EXPECT_EQ(ErrorAfter(AlertOn::kForecast, [](AlertRule& r) { r.margin_us = 31 * 24 * kHourUs; }),
            "OK");
  for (const int64_t us : {31 * 24 * kHourUs + 1'000'000, int64_t{-1'000'000}, int64_t{1}}) {
    EXPECT_EQ(ErrorAfter(AlertOn::kForecast, [&](AlertRule& r) { r.margin_us = us; }),
              "alert rule \"r\": margin must be whole seconds, from 0s to 31d");
  }
  EXPECT_EQ(ErrorAfter(AlertOn::kRunaway, [](AlertRule& r) { r.hold_off_us = 0; }), "OK");
  EXPECT_EQ(
      ErrorAfter(AlertOn::kRunaway, [](AlertRule& r) { r.hold_off_us = 7 * 24 * kHourUs + 1; }),
      "alert rule \"r\": hold_off must be whole seconds, from 0s to 7d");
  EXPECT_EQ(ErrorAfter(AlertOn::kRunaway, [](AlertRule& r) { r.floor_nano_usd = kMaxAmount; }),
            "OK");
  EXPECT_EQ(ErrorAfter(AlertOn::kRunaway, [](AlertRule& r) { r.floor_nano_usd = -1; }),
            "alert rule \"r\": floor must be from 0 to 9007199254740991 nano-USD, not -1");
}

TEST(AlertRuleCheckTest, ReceiversAreNames) {
  const auto with = [](std::vector<std::string> names) {
    return ErrorAfter(AlertOn::kRunaway, [&](AlertRule& r) { r.receivers = std::move(names); });
  };
  EXPECT_EQ(with({"oncall", "1-a_b", std::string(63, 'z')}), "OK");
  for (const std::string& name :
       {std::string(), std::string("On call"), std::string("a.b"), std::string(64, 'a')}) {
    EXPECT_EQ(with({name}),
              absl::StrCat("alert rule \"r\": receivers: a name begins with a-z or 0-9 and has at "
                           "most 63 of a-z, 0-9, `_` and `-`, unlike \"",
                           name, "\""));
  }
  EXPECT_EQ(with({"b", "a", "b"}), "alert rule \"r\": receivers: \"b\" is listed twice");
  std::vector<std::string> many;
  for (int i = 0; i < 11; ++i) many.push_back(absl::StrCat("r", i));
  EXPECT_EQ(with(many), "alert rule \"r\": receivers has 11 names; at most 10 are allowed");
}

TEST(AlertRuleCheckTest, ActionsAreBoundedAndEnd) {
  const auto with = [](AlertOn on, AlertAction action) {
    return ErrorAfter(on, [&](AlertRule& r) { r.action = action; });
  };
  const auto throttle = [&](int share, int64_t for_us) {
    return with(AlertOn::kThreshold, {AlertAction::Kind::kThrottle, share, for_us});
  };
  const AlertAction freeze = {AlertAction::Kind::kFreeze, 0, kHourUs};
  EXPECT_EQ(throttle(1, 60'000'000), "OK");
  EXPECT_EQ(throttle(999, 31 * 24 * kHourUs), "OK");
  for (const int share : {0, -1, 1'000}) {
    EXPECT_THAT(throttle(share, kHourUs),
                HasSubstr("alert rule \"r\": action.throttle must be from 0.1% to 99.9%, not "));
  }
  for (const int64_t us :
       {int64_t{0}, int64_t{59'000'000}, int64_t{60'000'001}, 31 * 24 * kHourUs + 1'000'000}) {
    EXPECT_EQ(throttle(200, us),
              "alert rule \"r\": action.for must be whole seconds, from 1m to 31d");
  }
  for (const AlertOn on : {AlertOn::kThreshold, AlertOn::kAnomaly, AlertOn::kRunaway}) {
    EXPECT_EQ(with(on, freeze), "OK");
  }
  EXPECT_THAT(with(AlertOn::kForecast, freeze),
              HasSubstr("alert rule \"r\": a forecast does not freeze"));
  EXPECT_EQ(with(AlertOn::kForecast, {AlertAction::Kind::kThrottle, 500, kHourUs}), "OK");
  EXPECT_EQ(with(AlertOn::kRunaway, {AlertAction::Kind::kFreeze, 200, kHourUs}),
            "alert rule \"r\": action has both a throttle's share and `freeze`; keep one");
}

// Whether the second of two rules on `on` is found to be never reached.
template <typename Change>
bool Hidden(AlertOn on, Change change) {
  AlertRule first = Rule("first", on);
  AlertRule second = Rule("second", on);
  change(first, second);
  const std::string error = ErrorOf({std::move(first), std::move(second)});
  if (error == "OK") return false;
  EXPECT_EQ(error,
            "alert rule \"second\": is never reached: alert rule \"first\" takes all that it "
            "would; put this one first, or remove it");
  return true;
}

TEST(AlertRuleCheckTest, RulesThatNothingReachesAreFound) {
  EXPECT_TRUE(Hidden(AlertOn::kRunaway, [](AlertRule&, AlertRule&) {}));
  EXPECT_TRUE(Hidden(AlertOn::kThreshold, [](AlertRule&, AlertRule& b) {
    b.at_permille = 1'000, b.limits = {Glob("user-month")}, b.when = {When("user", {"a"})};
  }));
  EXPECT_FALSE(Hidden(AlertOn::kThreshold, [](AlertRule& a, AlertRule&) { a.at_permille = 1; }));
  EXPECT_FALSE(Hidden(AlertOn::kThreshold,
                      [](AlertRule& a, AlertRule&) { a.when = {When("user", {"a"})}; }));
  EXPECT_TRUE(Hidden(AlertOn::kThreshold, [](AlertRule& a, AlertRule& b) {
    a.when = {When("user", {"a", "b"})}, b.when = {When("user", {"b", "a"})};
  }));
  EXPECT_FALSE(Hidden(AlertOn::kThreshold, [](AlertRule& a, AlertRule& b) {
    a.limits = {Glob("user-month")}, b.limits = {Glob("team-day")};
  }));
  EXPECT_TRUE(Hidden(AlertOn::kForecast, [](AlertRule& a, AlertRule& b) {
    a.margin_us = kHourUs, b.margin_us = kHourUs;
  }));
  EXPECT_FALSE(Hidden(AlertOn::kForecast, [](AlertRule& a, AlertRule&) { a.margin_us = kHourUs; }));
  EXPECT_TRUE(Hidden(AlertOn::kAnomaly, [](AlertRule& a, AlertRule& b) {
    a.signals = {UsageSignal::kCost, UsageSignal::kTokens}, b.signals = {UsageSignal::kTokens};
    a.per = {Dim("team"), Dim("user")}, b.per = {Dim("user")};
  }));
  EXPECT_FALSE(Hidden(AlertOn::kAnomaly,
                      [](AlertRule& a, AlertRule&) { a.signals = {UsageSignal::kCost}; }));
  EXPECT_FALSE(Hidden(AlertOn::kAnomaly, [](AlertRule& a, AlertRule&) { a.per = {Dim("user")}; }));
  EXPECT_FALSE(Hidden(AlertOn::kRunaway, [](AlertRule&, AlertRule& b) { b.floor_nano_usd = 1; }));
}

// Whichever two of `rules` stand behind each other: none of `facts` is for a second one that is
// said to be never reached. How many such pairs there were.
int CheckHidden(const std::vector<AlertRule>& rules, const std::vector<AlertFacts>& facts) {
  int hidden = 0;
  for (const AlertRule& first : rules) {
    for (AlertRule second : rules) {
      second.id = "second";
      std::vector<AlertRule> both = {first, second};
      if (ErrorOf(both).find("never reached") == std::string::npos) continue;
      ++hidden;
      for (const AlertFacts& each : facts) {
        const AlertRule* rule = RuleFor(both, each);
        EXPECT_TRUE(rule == nullptr || rule->id != "second");
      }
    }
  }
  return hidden;
}

const std::vector<std::vector<Condition>>& SomeWhen() {
  static const std::vector<std::vector<Condition>> kWhen = {
      {}, {When("team", {"a"})}, {When("team", {"b", "a"})}, {When("team", {"*"})}};
  return kWhen;
}

TEST(AlertRuleCheckTest, NothingReachesAnomalyRulesThatAreSaidToBeNeverReached) {
  std::vector<AlertRule> rules;
  AlertRule rule = Rule("first", AlertOn::kAnomaly);
  for (const auto& when : SomeWhen()) {
    for (const std::vector<UsageSignal>& signals : {std::vector<UsageSignal>{},
                                                    {UsageSignal::kCost},
                                                    {UsageSignal::kCost, UsageSignal::kTokens}}) {
      for (const std::vector<Dimension>& per :
           {std::vector<Dimension>{}, {Dim("org")}, {Dim("org"), Dim("user")}}) {
        for (const int64_t floor : {0, 1}) {
          rule.when = when, rule.signals = signals, rule.per = per, rule.floor_nano_usd = floor;
          rules.push_back(rule);
        }
      }
    }
  }
  std::vector<AlertFacts> all;
  AlertFacts facts;
  facts.on = AlertOn::kAnomaly;
  for (const char* team : {"", "a", "b", "c"}) {
    for (const UsageSignal signal :
         {UsageSignal::kCost, UsageSignal::kTokens, UsageSignal::kRefusals}) {
      for (const char* per : {"org", "user", "team"}) {
        for (const int64_t stake : {0, 1}) {
          facts.scope.team = team, facts.signal = signal, facts.per = {Dim(per)};
          facts.at_stake_nano_usd = stake;
          all.push_back(facts);
        }
      }
    }
  }
  EXPECT_GT(CheckHidden(rules, all), 500);
}

TEST(AlertRuleCheckTest, NothingReachesThresholdRulesThatAreSaidToBeNeverReached) {
  std::vector<AlertRule> rules;
  AlertRule rule = Rule("first", AlertOn::kThreshold);
  for (const auto& when : SomeWhen()) {
    for (const std::vector<Glob>& limits :
         {std::vector<Glob>{}, {Glob("user-month")}, {Glob("team-*"), Glob("user-*")}}) {
      for (const int at : {0, 500, 1'000}) {
        rule.when = when, rule.limits = limits, rule.at_permille = at;
        rules.push_back(rule);
      }
    }
  }
  std::vector<AlertFacts> all;
  AlertFacts facts;
  for (const char* team : {"", "a", "b", "c"}) {
    for (const char* limit_id : {"user-month", "team-day"}) {
      for (const int share : {1, 500, 1'000}) {
        facts.scope.team = team, facts.limit_id = limit_id, facts.share_permille = share;
        all.push_back(facts);
      }
    }
  }
  EXPECT_GT(CheckHidden(rules, all), 200);
}

TEST(AlertRuleCheckTest, RulesAreBounded) {
  std::vector<AlertRule> rules;
  for (size_t i = 0; i < kMaxAlertRules; ++i) {
    rules.push_back(Rule(absl::StrCat("r", i), AlertOn::kThreshold));
    rules.back().when = {When("user", {absl::StrCat("u", i)})};
    rules.back().limits = {Glob("user-month")};
  }
  EXPECT_EQ(ErrorOf(rules), "OK");
  for (AlertRule& rule : rules) rule.limits = {Glob("user-*")};
  EXPECT_EQ(ErrorOf(rules), "OK");
  rules[0].limits.emplace_back("*");
  EXPECT_EQ(ErrorOf(rules),
            "policy: has 1001 globs in `limits` of alert rules; at most 1000 with * or ? are "
            "allowed");
  rules.push_back(Rule("last", AlertOn::kRunaway));
  EXPECT_EQ(ErrorOf(rules), "policy: has 1001 alert rules; at most 1000 are allowed");
}

TEST(AlertRuleCheckTest, PutsRulesInOrder) {
  PolicyDocument document;
  AlertRule rule = Rule("r", AlertOn::kAnomaly);
  rule.signals = {UsageSignal::kRefusals, UsageSignal::kCost, UsageSignal::kRefusals};
  rule.per = {Dim("user"), Dim("org"), Dim("user")};
  rule.when = {When("model", {"b", "a"}), When("team", {"t"})};
  rule.receivers = {"b", "a"};
  document.alerts = {rule};
  const auto policy = Policy::Build(document);
  ASSERT_TRUE(policy.ok()) << policy.status();
  const AlertRule& built = (*policy)->document().alerts->at(0);
  EXPECT_THAT(built.signals, ElementsAre(UsageSignal::kCost, UsageSignal::kRefusals));
  EXPECT_THAT(built.per, ElementsAre(Dim("org"), Dim("user")));
  EXPECT_THAT(built.receivers, ElementsAre("a", "b"));
  EXPECT_EQ(built.when[0].dimension, Dim("team"));
}

TEST(AlertAtTest, SharesAreAscendingAndInRange) {
  const auto with = [](std::vector<int> shares) {
    PolicyDocument document;
    document.limits = {DailyLimit("l", {}, 1)};
    document.limits[0].alert_at = std::move(shares);
    const auto policy = Policy::Build(std::move(document));
    return policy.ok() ? "OK" : std::string(policy.status().message());
  };
  EXPECT_EQ(with({}), "OK");
  EXPECT_EQ(with({1, 500, 10'000}), "OK");
  EXPECT_EQ(with({0}), "limit \"l\": alert_at must have shares from 0.1% to 1000%, not 0%");
  EXPECT_EQ(with({10'001}),
            "limit \"l\": alert_at must have shares from 0.1% to 1000%, not 1000.1%");
  EXPECT_EQ(with({800, 500}),
            "limit \"l\": alert_at has 50% behind 80%; write them ascending, each once");
  EXPECT_EQ(with({125, 125}),
            "limit \"l\": alert_at has 12.5% behind 12.5%; write them ascending, each once");
  EXPECT_EQ(with({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}),
            "limit \"l\": alert_at has 11 shares; at most 10 are allowed");
}

std::string FingerprintOf(PolicyDocument document) {
  const auto policy = Policy::Build(std::move(document));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? (*policy)->fingerprint() : "";
}

TEST(AlertFingerprintTest, DefaultsSaidAreDefaults) {
  PolicyDocument document;
  document.limits = {DailyLimit("l", {}, 1)};
  const std::string before = FingerprintOf(document);
  document.limits[0].alert_at = {500, 800, 1'000};
  EXPECT_EQ(FingerprintOf(document), before);
  document.alerts = DefaultAlertRules();
  EXPECT_TRUE(HasDefaultAlertRules(document));
  EXPECT_EQ(FingerprintOf(document), before);
}

TEST(AlertFingerprintTest, DiffersWithEveryMeaning) {
  PolicyDocument document;
  document.limits = {DailyLimit("l", {}, 1), DailyLimit("k", {}, 1)};
  AlertRule threshold = Rule("t", AlertOn::kThreshold);
  AlertRule anomaly = Rule("a", AlertOn::kAnomaly);
  threshold.action = {AlertAction::Kind::kThrottle, 200, kHourUs};
  document.alerts = {threshold, anomaly};
  std::vector<std::string> fingerprints = {FingerprintOf(document)};
  const auto add = [&](auto change) {
    PolicyDocument changed = document;
    change(changed, (*changed.alerts)[0], (*changed.alerts)[1]);
    fingerprints.push_back(FingerprintOf(std::move(changed)));
  };
  using D = PolicyDocument;
  using R = AlertRule;
  add([](D& d, R&, R&) { d.alerts.reset(); });
  add([](D& d, R&, R&) { d.alerts->clear(); });
  add([](D& d, R&, R&) { d.alerts->pop_back(); });
  add([](D&, R& t, R& a) { std::swap(t, a); });
  add([](D& d, R&, R&) { d.limits[0].alert_at.emplace(); });
  add([](D& d, R&, R&) { d.limits[1].alert_at.emplace(); });
  add([](D& d, R&, R&) { d.limits[0].alert_at = {500}; });
  add([](D&, R& t, R&) { t.id = "u"; });
  add([](D&, R& t, R&) { t.on = AlertOn::kForecast; });
  add([](D&, R& t, R&) { t.when = {When("user", {"a"})}; });
  add([](D&, R& t, R&) { t.limits = {Glob("l")}; });
  add([](D&, R& t, R&) { t.at_permille = 500; });
  add([](D&, R& t, R&) { t.on = AlertOn::kForecast, t.margin_us = kHourUs; });
  add([](D&, R&, R& a) { a.signals = {UsageSignal::kCost}; });
  add([](D&, R&, R& a) { a.per = {Dim("user")}; });
  add([](D&, R&, R& a) { a.floor_nano_usd = 0; });
  add([](D&, R&, R& a) { a.severity = AlertSeverity::kInfo; });
  add([](D&, R&, R& a) { a.receivers = {"x"}; });
  add([](D&, R&, R& a) { a.receivers = {"x", "y"}; });
  add([](D&, R&, R& a) { a.hold_off_us = 0; });
  add([](D&, R& t, R&) { t.action.reset(); });
  add([](D&, R& t, R&) { t.action->share_permille = 300; });
  add([](D&, R& t, R&) { t.action->for_us = 2 * kHourUs; });
  add([](D&, R& t, R&) { t.action = {AlertAction::Kind::kFreeze, 0, kHourUs}; });
  std::sort(fingerprints.begin(), fingerprints.end());
  EXPECT_EQ(std::unique(fingerprints.begin(), fingerprints.end()), fingerprints.end());
}

}  // namespace
}  // namespace quotaplane
