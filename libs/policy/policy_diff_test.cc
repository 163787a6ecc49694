// What differs between two policies.
#include "libs/policy/policy_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/policy/policy_builder.h"
#include "libs/policy/policy_random.h"
#include "libs/testing/relative_cost.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PolicyDocument Normal(PolicyDocument document) {
  const auto policy = Policy::Build(std::move(document));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? (*policy)->document() : PolicyDocument();
}

// "~ PATH: BEFORE -> AFTER", "+ PATH: AFTER", "- PATH: BEFORE"; "!" in front where it counts anew.
std::vector<std::string> Lines(const PolicyDocument& from, const PolicyDocument& to) {
  int64_t unlisted = 0;
  std::vector<std::string> lines;
  for (const PolicyChange& change : DiffPolicies(Normal(from), Normal(to), 1'000, &unlisted)) {
    std::string line = change.counts_anew ? "!" : "";
    switch (change.kind) {
      case PolicyChange::Kind::kAdded:
        absl::StrAppend(&line, "+ ", change.path, ": ", change.after);
        EXPECT_EQ(change.before, "");
        break;
      case PolicyChange::Kind::kRemoved:
        absl::StrAppend(&line, "- ", change.path, ": ", change.before);
        EXPECT_EQ(change.after, "");
        break;
      case PolicyChange::Kind::kChanged:
        absl::StrAppend(&line, "~ ", change.path, ": ", change.before, " -> ", change.after);
        break;
    }
    lines.push_back(line);
  }
  EXPECT_EQ(unlisted, 0);
  return lines;
}

PolicyDocument OneLimit() {
  PolicyDocument document;
  document.limits = {DailyLimit("user-day", {"user"}, 100)};
  return document;
}

// The changes after `change` of the only limit.
template <typename Change>
std::vector<std::string> After(Change change) {
  PolicyDocument changed = OneLimit();
  change(changed.limits[0]);
  return Lines(OneLimit(), changed);
}

TEST(PolicyDiffTest, NothingDiffersFromItself) {
  EXPECT_THAT(Lines({}, {}), IsEmpty());
  EXPECT_THAT(Lines(OneLimit(), OneLimit()), IsEmpty());
}

TEST(PolicyDiffTest, ValuesOfALimit) {
  EXPECT_THAT(After([](Limit& l) { l.amount = 200; }),
              ElementsAre("~ limits[user-day].amount: 100 -> 200"));
  EXPECT_THAT(After([](Limit& l) { l.on_exceed = OnExceed::kSoft; }),
              ElementsAre("~ limits[user-day].on_exceed: deny -> soft"));
  EXPECT_THAT(
      After([](Limit& l) { l.on_exceed = OnExceed::kDowngrade, l.downgrade_model = "o 3"; }),
      ElementsAre("~ limits[user-day].on_exceed: deny -> {downgrade: \"o 3\"}"));
  EXPECT_THAT(After([](Limit& l) { l.on_outage = OnOutage::kAllow; }),
              ElementsAre("~ limits[user-day].on_outage: deny -> allow"));
  EXPECT_THAT(After([](Limit& l) { l.hold = HoldMode::kNone; }),
              ElementsAre("~ limits[user-day].hold: estimate -> none"));
}

TEST(PolicyDiffTest, WhatIsPartOfTheCounterCountsAnew) {
  EXPECT_THAT(After([](Limit& l) {
                l.per = {Dim("team"), Dim("user")};
              }),
              ElementsAre("!~ limits[user-day].per: [user] -> [team, user]"));
  EXPECT_THAT(After([](Limit& l) {
                l.when = {When("model", {"gpt-*", "o3"})};
              }),
              ElementsAre("!+ limits[user-day].when: {model: [\"gpt-*\", o3]}"));
  EXPECT_THAT(After([](Limit& l) { l.window = *ParseWindow("90m", absl::UTCTimeZone(), 1); }),
              ElementsAre("!~ limits[user-day].window: day -> 90m",
                          "!- limits[user-day].time_zone: UTC", "!- limits[user-day].starts_on: 1",
                          "~ limits[user-day].alert_at: [50%, 80%, 100%] -> []"));
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  EXPECT_THAT(After([&](Limit& l) { l.window.zone = berlin; }),
              ElementsAre("!~ limits[user-day].time_zone: UTC -> Europe/Berlin"));
}

TEST(PolicyDiffTest, AUnitChangesWhatAmountsMean) {
  EXPECT_THAT(After([](Limit& l) { l.unit = *ParseUnit("usd"), l.amount = 100'000'000'000; }),
              ElementsAre("!~ limits[user-day].unit: requests -> usd"));
  EXPECT_THAT(After([](Limit& l) { l.unit = *ParseUnit("usd"); }),
              ElementsAre("!~ limits[user-day].unit: requests -> usd",
                          "~ limits[user-day].amount: 100 -> 0.0000001"));
}

TEST(PolicyDiffTest, NothingCountsAnewOverACounterThatIsThere) {
  PolicyDocument from = OneLimit();
  from.limits.push_back(DailyLimit("team-day", {"team"}, 5));
  PolicyDocument to = from;
  to.limits[0].per = {Dim("team")};
  to.limits.push_back(DailyLimit("warning", {"user"}, 3));
  EXPECT_THAT(Lines(from, to),
              ElementsAre("~ limits[user-day].per: [user] -> [team]",
                          "+ limits[warning]: {id: warning, per: [user], unit: requests, amount: "
                          "3, window: day, time_zone: UTC, on_outage: deny}"));
}

TEST(PolicyDiffTest, LimitsComeGoAndChangePlaces) {
  PolicyDocument from = OneLimit();
  for (const char* id : {"b", "c", "d"}) from.limits.push_back(DailyLimit(id, {"team"}, 1));
  PolicyDocument to = from;
  std::swap(to.limits[1], to.limits[2]);
  EXPECT_THAT(Lines(from, to), ElementsAre("~ limits: [b, c] -> [c, b]"));
  to = from;
  to.limits.erase(to.limits.begin() + 1);
  EXPECT_THAT(Lines(from, to),
              ElementsAre("- limits[b]: {id: b, per: [team], unit: requests, amount: 1, window: "
                          "day, time_zone: UTC, on_outage: deny}"));
  Limit added = DailyLimit("new", {"project"}, 7);
  added.overrides = {For({{"project", "x"}}, 8)};
  to = from;
  to.limits.insert(to.limits.begin(), added);
  EXPECT_THAT(Lines(from, to),
              ElementsAre("!+ limits[new]: {id: new, per: [project], unit: requests, amount: 7, "
                          "window: day, time_zone: UTC, on_outage: deny}",
                          "+ limits[new].overrides[{project=x}]: 8"));
}

TEST(PolicyDiffTest, OverridesByWhatTheyMatch) {
  PolicyDocument from = OneLimit();
  from.limits[0].per = {Dim("team"), Dim("user")};
  from.limits[0].overrides = {For({{"team", "a"}}, 1), For({{"team", "b"}}, 2),
                              For({{"team", "a"}, {"user", "u"}}, 3)};
  PolicyDocument to = from;
  std::reverse(to.limits[0].overrides.begin(), to.limits[0].overrides.end());
  EXPECT_THAT(Lines(from, to), IsEmpty()) << "their order says nothing";
  to.limits[0].overrides = {For({{"team", "c"}}, 4), For({{"user", "u"}, {"team", "a"}}, 5),
                            For({{"team", "b"}}, 2)};
  EXPECT_THAT(Lines(from, to), ElementsAre("- limits[user-day].overrides[{team=a}]: 1",
                                           "~ limits[user-day].overrides[{team=a, user=u}]: 3 -> 5",
                                           "+ limits[user-day].overrides[{team=c}]: 4"));
}

TEST(PolicyDiffTest, TheOrderOfGlobsSaysNothing) {
  PolicyDocument from = OneLimit();
  from.limits[0].when = {When("model", {"a", "b"})};
  PolicyDocument to = OneLimit();
  to.limits[0].when = {When("model", {"b", "a", "b"})};
  EXPECT_THAT(Lines(from, to), IsEmpty());
}

TEST(PolicyDiffTest, ModelRules) {
  PolicyDocument from;
  from.model_rules = {{"interns", {When("team", {"interns"})}, {Glob("a-*")}, {}, ""}};
  PolicyDocument to = from;
  to.model_rules[0].allow.emplace_back("b");
  to.model_rules[0].deny.emplace_back("c");
  to.model_rules.push_back({"all", {}, {}, {Glob("x")}, ""});
  EXPECT_THAT(Lines(from, to),
              ElementsAre("~ models[interns].allow: \"a-*\" -> [\"a-*\", b]",
                          "+ models[interns].deny: c", "+ models[all]: {id: all, deny: x}"));
}

TEST(PolicyDiffTest, RulesWithoutNamesByTheirPlaces) {
  PolicyDocument from;
  from.cost_centers = {{{When("team", {"a"})}, "R-1", std::nullopt, ""},
                       {{When("team", {"b"})}, "R-2", std::nullopt, ""},
                       {{}, "R-9", std::nullopt, ""}};
  PolicyDocument to = from;
  to.cost_centers.insert(to.cost_centers.begin(),
                         {{}, "", *ParseDimension("labels.cost_center"), ""});
  EXPECT_THAT(Lines(from, to), ElementsAre("+ cost_centers[0]: {from: labels.cost_center}"));
  EXPECT_THAT(Lines(to, from), ElementsAre("- cost_centers[0]: {from: labels.cost_center}"));
  to = from;
  to.cost_centers[1].cost_center = "R-3";
  EXPECT_THAT(Lines(from, to),
              ElementsAre("~ cost_centers[1]: {cost_center: R-2, when: {team: b}} -> "
                          "{cost_center: R-3, when: {team: b}}"));
}

TEST(PolicyDiffTest, TiersMakeTheirLimitsCountAnew) {
  PolicyDocument from = OneLimit();
  from.tiers = {{"restricted", {When("team", {"interns"})}, ""}};
  PolicyDocument to = from;
  to.tiers.push_back({"standard", {}, ""});
  EXPECT_THAT(Lines(from, to), ElementsAre("+ tiers[1]: {tier: standard}"));
  from.limits[0].tier = to.limits[0].tier = "restricted";
  EXPECT_THAT(Lines(from, to), ElementsAre("!+ tiers[1]: {tier: standard}"));
  to.limits[0].tier = "standard";
  EXPECT_THAT(Lines(from, to), ElementsAre("!+ tiers[1]: {tier: standard}",
                                           "!~ limits[user-day].tier: restricted -> standard"));
  to = from;
  to.limits[0].tier = "";
  EXPECT_THAT(Lines(from, to), ElementsAre("!- limits[user-day].tier: restricted"));
}

TEST(PolicyDiffTest, WhatIsOfTheWholeDocument) {
  PolicyDocument to;
  to.approvals = 2;
  to.unpriced_models = UnpricedModels::kPriceAs;
  to.price_as = "o3";
  to.retention.entries_days = 400;
  EXPECT_THAT(Lines({}, to),
              ElementsAre("~ approvals: 0 -> 2", "~ unpriced_models: deny -> {price_as: o3}",
                          "~ retention: {} -> {entries: 400d}"));
}

TEST(PolicyDiffTest, SharesAtWhichALimitTells) {
  EXPECT_THAT(After([](Limit& l) {
                l.alert_at = {125, 1'000};
              }),
              ElementsAre("~ limits[user-day].alert_at: [50%, 80%, 100%] -> [12.5%, 100%]"));
  EXPECT_THAT(After([](Limit& l) { l.alert_at.emplace(); }),
              ElementsAre("~ limits[user-day].alert_at: [50%, 80%, 100%] -> []"));
  EXPECT_THAT(After([](Limit& l) { l.alert_at = {500, 800, 1'000}; }), IsEmpty());
}

AlertRule Rule(std::string id, AlertOn on) {
  AlertRule rule;
  rule.id = std::move(id);
  rule.on = on;
  return rule;
}

TEST(PolicyDiffTest, AlertRules) {
  PolicyDocument from;
  from.alerts = {Rule("wild", AlertOn::kRunaway), Rule("odd", AlertOn::kAnomaly)};
  PolicyDocument to = from;
  AlertRule& wild = (*to.alerts)[0];
  wild.when = {When("team", {"b", "a"})};
  wild.floor_nano_usd = 250'000'000;
  wild.severity = AlertSeverity::kCritical;
  wild.receivers = {"oncall", "chat"};
  wild.hold_off_us = 0;
  wild.action = {AlertAction::Kind::kFreeze, 0, int64_t{7'200} * 1'000'000};
  AlertRule& odd = (*to.alerts)[1];
  odd.signals = {UsageSignal::kTokens, UsageSignal::kCost};
  odd.per = {Dim("user")};
  AlertRule soon = Rule("soon", AlertOn::kForecast);
  soon.margin_us = int64_t{43'200} * 1'000'000;
  to.alerts->push_back(soon);
  EXPECT_THAT(
      Lines(from, to),
      ElementsAre("+ alerts[wild].when: {team: [b, a]}", "~ alerts[wild].floor: 5 -> 0.25",
                  "~ alerts[wild].severity: warning -> critical",
                  "+ alerts[wild].receivers: [chat, oncall]", "~ alerts[wild].hold_off: 1h -> 0s",
                  "+ alerts[wild].action: {freeze: true, for: 2h}",
                  "+ alerts[odd].signals: [cost, tokens]", "+ alerts[odd].per: [user]",
                  "+ alerts[soon]: {id: soon, on: forecast, margin: 12h}"));
  EXPECT_THAT(Lines(to, from), testing::Contains("- alerts[soon]: {id: soon, on: forecast, "
                                                 "margin: 12h}"));
  to = from;
  (*to.alerts)[1].on = AlertOn::kThreshold;
  (*to.alerts)[1].at_permille = 800;
  EXPECT_THAT(Lines(from, to), ElementsAre("~ alerts[odd].on: anomaly -> threshold",
                                           "+ alerts[odd].at: 80%", "- alerts[odd].floor: 5"));
  to = from;
  std::swap((*to.alerts)[0], (*to.alerts)[1]);
  EXPECT_THAT(Lines(from, to), ElementsAre("~ alerts: [wild, odd] -> [odd, wild]"));
}

TEST(PolicyDiffTest, APolicyThatSaysNothingHasTheDefaultRules) {
  PolicyDocument to;
  to.alerts = DefaultAlertRules();
  EXPECT_THAT(Lines({}, to), IsEmpty());
  to.alerts->pop_back();
  EXPECT_THAT(Lines({}, to),
              ElementsAre("- alerts[runaway-session]: {id: runaway-session, on: runaway, "
                          "severity: critical}"));
  to.alerts->clear();
  EXPECT_EQ(Lines({}, to).size(), DefaultAlertRules().size());
}

TEST(PolicyDiffTest, ListsAtMostSoMany) {
  PolicyDocument from = OneLimit();
  PolicyDocument to = OneLimit();
  for (int i = 0; i < 10; ++i) {
    to.limits[0].overrides.push_back(For({{"user", absl::StrCat(i)}}, 1));
  }
  int64_t unlisted = 5;
  EXPECT_EQ(DiffPolicies(from, to, 3, &unlisted).size(), 3u);
  EXPECT_EQ(unlisted, 5 + 7) << "added to what is there";
  unlisted = 0;
  EXPECT_THAT(DiffPolicies(from, to, 0, &unlisted), IsEmpty());
  EXPECT_EQ(unlisted, 10);
}

// Changes the document in some place. May make one that Build refuses.
void ChangeSomething(RandomPolicy* random, PolicyDocument* document) {
  const PolicyDocument other = random->Document();
  switch (random->Below(9)) {
    case 0:
      document->approvals = other.approvals;
      return;
    case 1:
      document->tiers = other.tiers;
      return;
    case 2:
      document->cost_centers = other.cost_centers;
      return;
    case 3:
      document->model_rules = other.model_rules;
      return;
    case 4:
      document->unpriced_models = other.unpriced_models;
      document->price_as = other.price_as;
      return;
    case 5:
      document->retention = other.retention;
      return;
    case 6:
      document->alerts = random->Alerts(document->limits);
      return;
    default:
      break;
  }
  if (document->limits.empty()) return;
  Limit& limit = document->limits[random->Below(document->limits.size())];
  Limit changed = random->ALimit(limit.id, document->tiers);
  switch (random->Below(7)) {
    case 5:
      limit.alert_at = changed.alert_at;
      return;
    case 0:
      limit.when = changed.when;
      return;
    case 1:
      limit.amount = changed.amount;
      return;
    case 2:
      if (!limit.overrides.empty()) limit.overrides.pop_back();
      return;
    case 3:
      if (!limit.overrides.empty()) limit.overrides[0].amount = changed.amount;
      return;
    case 4:
      std::swap(limit, document->limits[0]);
      return;
    default:
      limit = changed;
  }
}

TEST(PolicyDiffTest, ThereAreChangesExactlyWhereFingerprintsDiffer) {
  const uint64_t first = std::random_device()();
  int same = 0;
  int different = 0;
  for (uint64_t seed = first; seed < first + 3'000; ++seed) {
    RandomPolicy random(seed);
    PolicyDocument document = random.Document();
    const auto from = Policy::Build(document);
    ASSERT_TRUE(from.ok()) << "seed " << seed << ": " << from.status();
    ChangeSomething(&random, &document);
    const auto to = Policy::Build(std::move(document));
    if (!to.ok()) continue;
    int64_t unlisted = 0;
    const auto changes = DiffPolicies((*from)->document(), (*to)->document(), 1'000, &unlisted);
    const bool equal = (*from)->fingerprint() == (*to)->fingerprint();
    ASSERT_EQ(changes.empty(), equal) << "seed " << seed;
    ++(equal ? same : different);
  }
  EXPECT_GT(same, 100);
  EXPECT_GT(different, 1'000);
}

PolicyDocument UserOverrides(int count) {
  PolicyDocument document = OneLimit();
  for (int i = 0; i < count; ++i) {
    document.limits[0].overrides.push_back(
        For({{"user", absl::StrCat("user-", i, "@example.com")}}, i));
  }
  return document;
}

std::vector<PolicyChange> ChangesOf(const PolicyDocument& from, const PolicyDocument& to) {
  int64_t unlisted = 0;
  return DiffPolicies(from, to, 10, &unlisted);
}

TEST(PolicyDiffTest, FindsOneChangeAmongAHundredThousandOverridesInTime) {
  const PolicyDocument from = UserOverrides(100'000), fewer = UserOverrides(5'000);
  PolicyDocument to = from, fewer_to = fewer;
  to.limits[0].overrides[50'000].amount = 7;
  fewer_to.limits[0].overrides[2'500].amount = 7;
  // Also where they stand in another order, which nothing is gained from.
  const auto shuffled = [](PolicyDocument document) {
    std::mt19937_64 random(7);
    auto& overrides = document.limits[0].overrides;
    std::shuffle(overrides.begin(), overrides.end(), random);
    return document;
  };
  const auto expect_found = [&](const PolicyDocument& changed) {
    const std::vector<PolicyChange> changes = ChangesOf(from, changed);
    ASSERT_EQ(changes.size(), 1u);
    EXPECT_EQ(changes[0].path, "limits[user-day].overrides[{user=user-50000@example.com}]");
    EXPECT_EQ(changes[0].before, "50000");
    EXPECT_EQ(changes[0].after, "7");
  };
  const auto expect_one = [&](const PolicyDocument& changed) {
    ASSERT_EQ(ChangesOf(fewer, changed).size(), 1u);
  };
  // Twenty times as many, of which caches have less.
  const double in_order = fixtures::RelativeCost(
      3, [&] { expect_found(to); }, [&] { expect_one(fewer_to); });
  const PolicyDocument mixed = shuffled(to), fewer_mixed = shuffled(fewer_to);
  const double in_another = fixtures::RelativeCost(
      3, [&] { expect_found(mixed); }, [&] { expect_one(fewer_mixed); });
  RecordProperty("relative_cost", std::to_string(in_order));
  RecordProperty("relative_cost_shuffled", std::to_string(in_another));
  EXPECT_LT(in_order, 80);
  EXPECT_LT(in_another, 150);  // 55 here; what is quadratic takes 400
}

}  // namespace
}  // namespace quotaplane
