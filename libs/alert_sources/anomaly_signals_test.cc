#include "libs/alert_sources/anomaly_signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane {
namespace {

using anomaly::Finding;
using anomaly::FindingKind;
using anomaly::Metric;
using anomaly::ScopeKind;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr int64_t kUsd = 1'000'000'000;

std::shared_ptr<const Policy> PolicyWith(std::optional<std::vector<AlertRule>> rules) {
  PolicyDocument document;
  document.alerts = std::move(rules);
  return *Policy::Build(std::move(document));
}

Finding SpikeOf(const std::string& user) {
  Finding finding;
  finding.id = 42;
  finding.org = "acme";
  finding.scope = ScopeKind::kUser;
  finding.value = user;
  finding.start_us = 1'775'500'000'000'000;
  finding.at_us = finding.start_us + 60'000'000;
  finding.window_us = 120'000'000;
  finding.expected = 2 * kUsd;
  finding.actual = 40 * kUsd;
  finding.difference_nano_usd = 38 * kUsd;
  finding.contributors = {{ScopeKind::kModel, "claude-opus-4", 1 * kUsd, 39 * kUsd}};
  return finding;
}

TEST(AnomalySignal, SaysWhatWasExpectedWhatCameAndWho) {
  const std::optional<Signal> signal = AnomalySignal(SpikeOf("alice"), *PolicyWith(std::nullopt));
  ASSERT_TRUE(signal.has_value());
  EXPECT_TRUE(CheckSignal(*signal).ok()) << CheckSignal(*signal);
  EXPECT_EQ(signal->rule_id, "cost-anomaly");
  EXPECT_EQ(signal->summary,
            "Spike: 40.00 USD in 2 minutes by {org=acme, user=alice}, where 2.00 USD are expected; "
            "most by model claude-opus-4");
  EXPECT_THAT(signal->dimensions, ElementsAre(Pair("org", "acme"), Pair("user", "alice"),
                                              Pair("signal", "cost"), Pair("pattern", "spike")));
  EXPECT_THAT(signal->contributors,
              ElementsAre(Contributor{"model", "claude-opus-4", 1 * kUsd, 39 * kUsd}));
  EXPECT_EQ(FindingOfKey(signal->key), 42);
}

TEST(AnomalySignal, ItsEndIsOfTheSameAlertWhateverTheRulesSayByNow) {
  Finding over = SpikeOf("alice");
  const std::optional<Signal> begin = AnomalySignal(over, *PolicyWith(std::nullopt));
  over.over = true;
  over.end = anomaly::FindingEnd::kAccepted;
  over.at_us += 600'000'000;
  over.contributors.clear();
  const std::optional<Signal> end = AnomalySignal(over, *PolicyWith(std::vector<AlertRule>()));
  ASSERT_TRUE(end.has_value());
  EXPECT_TRUE(CheckSignal(*end).ok()) << CheckSignal(*end);
  EXPECT_TRUE(end->over);
  EXPECT_EQ(end->key, begin->key);
  EXPECT_NE(end->summary, begin->summary) << "it says why";
  EXPECT_NE(end->occurrence, begin->occurrence);
}

TEST(AnomalySignal, OtherFindingsOfTheNumberAreOtherAlerts) {
  const auto policy = PolicyWith(std::nullopt);
  EXPECT_NE(AnomalySignal(SpikeOf("alice"), *policy)->key,
            AnomalySignal(SpikeOf("bob"), *policy)->key);
}

TEST(AnomalySignal, BelowTheRulesFloorNobodyIsWoken) {
  AlertRule rule;
  rule.id = "dear";
  rule.on = AlertOn::kAnomaly;
  rule.floor_nano_usd = 39 * kUsd;
  EXPECT_FALSE(
      AnomalySignal(SpikeOf("alice"), *PolicyWith(std::vector<AlertRule>{rule})).has_value());
  rule.floor_nano_usd = 38 * kUsd;
  EXPECT_TRUE(
      AnomalySignal(SpikeOf("alice"), *PolicyWith(std::vector<AlertRule>{rule})).has_value());
}

TEST(AnomalySignal, ARunawaySessionIsARulesOfItsOwn) {
  Finding finding = SpikeOf("");
  finding.kind = FindingKind::kRunawaySession;
  finding.scope = ScopeKind::kSession;
  finding.value = "s-1";
  const std::optional<Signal> signal = AnomalySignal(finding, *PolicyWith(std::nullopt));
  ASSERT_TRUE(signal.has_value());
  EXPECT_EQ(signal->kind, AlertKind::kRunaway);
  EXPECT_EQ(signal->rule_id, "runaway-session");
  EXPECT_EQ(signal->severity, Severity::kCritical);
  EXPECT_THAT(signal->dimensions, ::testing::Contains(Pair("labels.session", "s-1")));
}

TEST(AnomalySignal, NamesOfAnyLengthFit) {
  Finding finding = SpikeOf(std::string(500, 'x'));
  finding.contributors.front().value = std::string(500, 'y');
  const std::optional<Signal> signal = AnomalySignal(finding, *PolicyWith(std::nullopt));
  ASSERT_TRUE(signal.has_value());
  EXPECT_TRUE(CheckSignal(*signal).ok()) << CheckSignal(*signal);
}

TEST(AnomalyEnd, SaysWhyHoweverLongTheSummaryIs) {
  Alert alert;
  alert.signal = *AnomalySignal(SpikeOf("alice"), *PolicyWith(std::nullopt));
  alert.signal.summary = std::string(kMaxSummaryBytes, 'x');
  const Signal end = AnomalyEnd(alert, "its rule was removed", alert.signal.at_us - 1);
  EXPECT_TRUE(CheckSignal(end).ok()) << CheckSignal(end);
  EXPECT_TRUE(end.over);
  EXPECT_GE(end.at_us, alert.signal.at_us) << "an earlier end would be that of something else";
  EXPECT_THAT(end.summary, ::testing::EndsWith("; over: its rule was removed"));
}

TEST(LowestFloor, OfRulesAboutUsage) {
  EXPECT_EQ(LowestFloor(*PolicyWith(std::nullopt)), kDefaultAlertFloorNanoUsd);
  EXPECT_EQ(LowestFloor(*PolicyWith(std::vector<AlertRule>())), std::nullopt);
}

}  // namespace
}  // namespace quotaplane
