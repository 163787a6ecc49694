#include "libs/alert_sources/crossing_signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/admission/thresholds.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int64_t kUsd = 1'000'000'000;

std::shared_ptr<const PolicySet> PoliciesWith(std::optional<std::vector<AlertRule>> rules) {
  PolicyDocument document;
  Limit limit;
  limit.id = "team-month";
  limit.per = {*ParseDimension("team")};
  limit.amount = 1'000 * kUsd;
  limit.window = *ParseWindow("month", absl::UTCTimeZone(), 1);
  document.limits.push_back(std::move(limit));
  document.alerts = std::move(rules);
  return std::make_shared<const PolicySet>(*Policy::Build(std::move(document)));
}

ThresholdLimit LimitAt(int permille) {
  return {"team-month",
          permille,
          1'000 * kUsd,
          "usd",
          "month UTC",
          "{org=acme, team=search}",
          {{"org", "acme"}, {"team", "search"}}};
}

Crossing CrossingOf(const std::vector<ThresholdLimit>& limits) {
  Crossing crossing;
  crossing.counter = HashOf("a counter");
  crossing.threshold = 800 * kUsd;
  crossing.committed = 812 * kUsd + 345'678'901;
  crossing.period_us = 1'775'001'600'000'000;
  crossing.at_us = 1'775'500'000'000'000;
  crossing.description = EncodeThresholdLimits(limits);
  return crossing;
}

TEST(CrossingSignals, SaysWhatWasCrossedByWhom) {
  const auto signals = CrossingSignals(CrossingOf({LimitAt(800)}), *PoliciesWith(std::nullopt));
  ASSERT_TRUE(signals.ok()) << signals.status();
  ASSERT_EQ(signals->size(), 1);
  const Signal& signal = signals->front();
  EXPECT_TRUE(CheckSignal(signal).ok()) << CheckSignal(signal);
  EXPECT_EQ(signal.org, "acme");
  EXPECT_EQ(signal.kind, AlertKind::kThreshold);
  EXPECT_EQ(signal.rule_id, "limit-threshold");
  EXPECT_EQ(signal.severity, Severity::kWarning);
  EXPECT_EQ(signal.summary,
            "80 % of limit team-month: 812.34 USD of 1,000.00 USD are used by {org=acme, "
            "team=search}");
  EXPECT_THAT(signal.dimensions, ElementsAre(Pair("org", "acme"), Pair("team", "search"),
                                             Pair("limit", "team-month")));
  EXPECT_EQ(signal.occurrence, CrossingOf({}).Occurrence());
  EXPECT_EQ(signal.actual, 812 * kUsd + 345'678'901);
  EXPECT_EQ(signal.amount, 1'000 * kUsd);
}

TEST(CrossingSignals, TheWholeAmountIsCriticalByDefault) {
  const auto signals = CrossingSignals(CrossingOf({LimitAt(1'000)}), *PoliciesWith(std::nullopt));
  ASSERT_EQ(signals->size(), 1);
  EXPECT_EQ(signals->front().rule_id, "limit-exhausted");
  EXPECT_EQ(signals->front().severity, Severity::kCritical);
}

TEST(CrossingSignals, ARefusalSaysThatItRefuses) {
  Crossing crossing = CrossingOf({LimitAt(1'000)});
  crossing.refused = true;
  const auto signals = CrossingSignals(crossing, *PoliciesWith(std::nullopt));
  ASSERT_EQ(signals->size(), 1);
  EXPECT_EQ(signals->front().summary,
            "Limit team-month refuses: 812.34 USD of 1,000.00 USD are used by {org=acme, "
            "team=search}");
}

TEST(CrossingSignals, WithoutARuleNobodyIsTold) {
  const auto signals =
      CrossingSignals(CrossingOf({LimitAt(800)}), *PoliciesWith(std::vector<AlertRule>()));
  ASSERT_TRUE(signals.ok());
  EXPECT_THAT(*signals, IsEmpty());
}

TEST(CrossingSignals, TheRulesActionAndReceiversGoAlong) {
  AlertRule rule;
  rule.id = "stop";
  rule.severity = AlertSeverity::kCritical;
  rule.receivers = {"pager"};
  rule.hold_off_us = 7'000'000;
  rule.action = AlertAction{AlertAction::Kind::kThrottle, 200, 3'600'000'000};
  const auto signals =
      CrossingSignals(CrossingOf({LimitAt(800)}), *PoliciesWith(std::vector<AlertRule>{rule}));
  ASSERT_EQ(signals->size(), 1);
  const Signal& signal = signals->front();
  EXPECT_THAT(signal.receivers, ElementsAre("pager"));
  EXPECT_EQ(signal.hold_off_us, 7'000'000);
  EXPECT_EQ(signal.action,
            (WantedAction{WantedAction::Kind::kThrottle, 200, int64_t{3'600'000'000}}));
}

TEST(CrossingSignals, WhatCannotBeReadIsAnError) {
  Crossing crossing = CrossingOf({});
  crossing.description = "nonsense";
  EXPECT_TRUE(absl::IsDataLoss(CrossingSignals(crossing, *PoliciesWith(std::nullopt)).status()));
}

TEST(ThresholdKey, IsReadBack) {
  const ThresholdKey key = {std::string(32, 'a'), 17, true, "a/b"};
  const std::optional<ThresholdKey> parsed = ParseThresholdKey(ThresholdKeyText(key));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->counter, key.counter);
  EXPECT_EQ(parsed->threshold, 17);
  EXPECT_TRUE(parsed->refused);
  EXPECT_EQ(parsed->limit_id, "a/b");
  for (const char* wrong : {"", "threshold", "threshold/aa/1/reached/x", "finding/1/2",
                            "threshold/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/x/reached/l"}) {
    EXPECT_FALSE(ParseThresholdKey(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace quotaplane
