// Alert rules and shares of limits: what they mean, and that what is written is read the same.
#include "libs/config/alert_rule_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/config/policy_reader.h"
#include "libs/config/policy_writer.h"
#include "libs/policy/alert_digest.h"
#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;

std::shared_ptr<const Policy> MustParse(std::string_view text) {
  const auto policy = ParsePolicy(text, "p.yaml");
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? *policy : *Policy::Build({});
}

constexpr std::string_view kCanonical = R"(limits:
  - id: user-month
    per: [user]
    unit: usd
    amount: 500
    window: month
    time_zone: UTC
    on_outage: allow
    alert_at: [12.5%, 80%, 120%]
  - id: user-minute
    per: [user]
    unit: requests
    amount: 60
    window: 1m
    on_outage: allow
alerts:
  - {id: spent, on: threshold, when: {team: [ads, "search-*"]}, limits: "user-*", at: 99.5%, severity: critical, receivers: [chat, oncall], hold_off: 0s, action: {freeze: true, for: 90s}}
  - {id: soon, on: forecast, limits: [user-month, "user-m*"], margin: 12h, receivers: oncall, hold_off: 7d, action: {throttle: 12.5%, for: 31d}}
  - {id: odd, on: anomaly, signals: [cost, tokens, requests, refusals], per: [org, user, labels.session], floor: 0.25, severity: info}
  - {id: odd-cost, on: anomaly, signals: cost}
  - {id: wild, on: runaway, floor: 20, action: {throttle: 0.1%, for: 2h}}
)";

TEST(AlertRuleReaderTest, HasOneForm) {
  const auto policy = MustParse(kCanonical);
  const std::string text = WritePolicy(policy->document());
  EXPECT_EQ(text, kCanonical);
  EXPECT_EQ(MustParse(text)->fingerprint(), policy->fingerprint());
}

TEST(AlertRuleReaderTest, ReadsEveryKey) {
  const auto policy = MustParse(kCanonical);
  const std::vector<AlertRule>& rules = *policy->document().alerts;
  ASSERT_EQ(rules.size(), 5u);
  const AlertRule& spent = rules[0];
  EXPECT_EQ(spent.id, "spent");
  EXPECT_EQ(spent.on, AlertOn::kThreshold);
  EXPECT_EQ(spent.when[0].dimension, Dim("team"));
  EXPECT_EQ(spent.limits[0].pattern(), "user-*");
  EXPECT_EQ(spent.at_permille, 995);
  EXPECT_EQ(spent.severity, AlertSeverity::kCritical);
  EXPECT_THAT(spent.receivers, ElementsAre("chat", "oncall"));
  EXPECT_EQ(spent.hold_off_us, 0);
  EXPECT_EQ(spent.action, (AlertAction{AlertAction::Kind::kFreeze, 0, 90'000'000}));
  EXPECT_EQ(spent.source, "p.yaml:17: alerts[spent]");
  EXPECT_EQ(rules[1].on, AlertOn::kForecast);
  EXPECT_EQ(rules[1].margin_us, 12 * kHourUs);
  EXPECT_EQ(rules[1].hold_off_us, 7 * 24 * kHourUs);
  EXPECT_EQ(rules[1].action, (AlertAction{AlertAction::Kind::kThrottle, 125, 31 * 24 * kHourUs}));
  EXPECT_EQ(rules[2].on, AlertOn::kAnomaly);
  EXPECT_THAT(rules[2].signals, ElementsAre(UsageSignal::kCost, UsageSignal::kTokens,
                                            UsageSignal::kRequests, UsageSignal::kRefusals));
  EXPECT_THAT(rules[2].per, ElementsAre(Dim("org"), Dim("user"), Dim("labels.session")));
  EXPECT_EQ(rules[2].floor_nano_usd, 250'000'000);
  EXPECT_EQ(rules[2].severity, AlertSeverity::kInfo);
  EXPECT_EQ(rules[4].on, AlertOn::kRunaway);
  EXPECT_EQ(rules[4].action->share_permille, 1);
}

TEST(AlertRuleReaderTest, WhatIsNotSaidIsTheDefault) {
  const auto policy = MustParse("limits: []\nalerts:\n  - {id: a, on: anomaly}\n");
  const AlertRule& rule = policy->document().alerts->at(0);
  EXPECT_EQ(rule.severity, AlertSeverity::kWarning);
  EXPECT_EQ(rule.hold_off_us, kHourUs);
  EXPECT_EQ(rule.floor_nano_usd, 5'000'000'000);
  EXPECT_THAT(rule.receivers, IsEmpty());
  EXPECT_FALSE(rule.action.has_value());
  EXPECT_EQ(WritePolicy(policy->document()), "limits: []\nalerts:\n  - {id: a, on: anomaly}\n");
}

TEST(AlertRuleReaderTest, NoneAreNotTheDefaultOnes) {
  EXPECT_FALSE(MustParse("limits: []\n")->document().alerts.has_value());
  const auto none = MustParse("limits: []\nalerts: []\n");
  EXPECT_TRUE(none->document().alerts->empty());
  EXPECT_EQ(WritePolicy(none->document()), "limits: []\nalerts: []\n");
}

TEST(AlertRuleReaderTest, TheDefaultOnesAreLeftOut) {
  PolicyDocument document;
  document.alerts = DefaultAlertRules();
  EXPECT_EQ(WritePolicy((*Policy::Build(document))->document()), "limits: []\n");
}

TEST(AlertRuleReaderTest, JsonIsYaml) {
  const auto policy = MustParse(
      R"({"limits": [], "alerts": [{"id": "w", "on": "runaway", "floor": "2.50",
          "action": {"freeze": true, "for": "1440m"}, "hold_off": "60m", "receivers": ["a"]}]})");
  EXPECT_EQ(WritePolicy(policy->document()),
            "limits: []\nalerts:\n  - {id: w, on: runaway, floor: 2.5, receivers: a, "
            "action: {freeze: true, for: 1d}}\n");
}

// The shares of a limit with these lines, and of another with `window: 60s`.
std::vector<std::vector<int>> SharesWith(const std::string& defaults, const std::string& line) {
  const std::string more = line.empty() ? "" : ", " + line;
  const auto policy =
      MustParse("defaults: {on_outage: deny" + defaults + "}\nlimits:\n" +
                "  - {id: day, per: [], unit: usd, amount: 1, window: day" + more + "}\n" +
                "  - {id: minute, per: [], unit: usd, amount: 1, window: 60s" + more + "}\n" +
                "  - {id: at-once, per: [], unit: concurrency, amount: 1" + more + "}\n");
  std::vector<std::vector<int>> shares;
  for (const Limit& limit : policy->document().limits) shares.push_back(AlertAt(limit));
  return shares;
}

TEST(AlertAtReaderTest, SharesOfLimits) {
  EXPECT_THAT(SharesWith("", ""), ElementsAre(ElementsAre(500, 800, 1'000), IsEmpty(), IsEmpty()));
  EXPECT_THAT(SharesWith("", "alert_at: [90%]"),
              ElementsAre(ElementsAre(900), ElementsAre(900), ElementsAre(900)));
  EXPECT_THAT(SharesWith("", "alert_at: []"), ElementsAre(IsEmpty(), IsEmpty(), IsEmpty()));
  EXPECT_THAT(SharesWith(", alert_at: [75%, 100.5%]", ""),
              ElementsAre(ElementsAre(750, 1'005), IsEmpty(), IsEmpty()))
      << "it stands in place of the default, where there is one";
  EXPECT_THAT(SharesWith(", alert_at: []", ""), ElementsAre(IsEmpty(), IsEmpty(), IsEmpty()));
  EXPECT_THAT(SharesWith(", alert_at: [75%]", "alert_at: [50%]"),
              ElementsAre(ElementsAre(500), ElementsAre(500), ElementsAre(500)));
}

TEST(AlertAtReaderTest, TheDefaultIsLeftOut) {
  const std::string text =
      "limits:\n  - id: d\n    per: []\n    unit: usd\n    amount: 1\n    window: 24h\n"
      "    on_outage: deny\n";
  const auto policy = MustParse(text + "    alert_at: [50%, 80.0%, 100%]\n");
  EXPECT_THAT(policy->document().limits[0].alert_at, Optional(ElementsAre(500, 800, 1'000)));
  EXPECT_EQ(WritePolicy(policy->document()),
            "limits:\n  - id: d\n    per: []\n    unit: usd\n    amount: 1\n    window: 1d\n"
            "    on_outage: deny\n");
}

}  // namespace
}  // namespace quotaplane
