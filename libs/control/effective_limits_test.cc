#include "libs/control/effective_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "libs/config/policy_reader.h"

namespace quotaplane {
namespace {

using ::testing::SizeIs;

constexpr int64_t kNow = 1'000'000'000;

std::shared_ptr<const Policy> ThePolicy() {
  const auto policy = ParsePolicy(R"(
defaults: {on_outage: deny, time_zone: UTC}
limits:
  - {id: org-month, per: [], unit: usd, amount: 1000, window: month}
  - id: user-day
    per: [team, user]
    unit: requests
    amount: 10
    window: day
    overrides: [{team: search, amount: 20}, {team: search, user: alice, amount: 30}]
  - {id: opus, per: [user], when: {model: "opus*"}, unit: requests, amount: 5, window: day}
)",
                                  "test");
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *policy;
}

Subject Someone(const std::string& team, const std::string& user) {
  Subject subject;
  subject.org = "acme";
  subject.team = team;
  subject.user = user;
  return subject;
}

Exception Raised(const std::string& id, std::map<std::string, std::string> scope,
                 std::vector<LimitRaise> raises) {
  Exception exception;
  exception.org = "acme";
  exception.id = id;
  exception.state = ExceptionState::kActive;
  exception.spec.scope = std::move(scope);
  exception.spec.raises = std::move(raises);
  exception.spec.end_us = kNow + 500;
  exception.decided_at_us = kNow - 1;
  return exception;
}

TEST(EffectiveLimits, SaysWhichPartOfThePolicyItIs) {
  const auto policy = ThePolicy();
  const auto amounts = [&](const Subject& subject) {
    std::vector<std::string> said;
    for (const EffectiveLimit& limit : EffectiveLimits(*policy, subject, {}, {}, kNow)) {
      said.push_back(limit.limit->id + " " + std::to_string(limit.amount) + " " + limit.source);
    }
    return said;
  };
  EXPECT_THAT(amounts(Someone("search", "alice")),
              ::testing::ElementsAre("org-month 1000000000000 limit",
                                     "user-day 30 override {team=search, user=alice}"));
  EXPECT_THAT(amounts(Someone("search", "bob")),
              ::testing::ElementsAre("org-month 1000000000000 limit",
                                     "user-day 20 override {team=search}"));
  Subject opus = Someone("", "bob");
  opus.model = "opus-4";
  EXPECT_THAT(amounts(opus),
              ::testing::ElementsAre("org-month 1000000000000 limit", "opus 5 limit"));
}

TEST(EffectiveLimits, AnExceptionRaisesItsScopeAlone) {
  const auto policy = ThePolicy();
  const std::vector<Exception> exceptions = {
      Raised("e1", {{"team", "search"}, {"user", "alice"}}, {{"user-day", 50}, {"opus", 9}}),
      Raised("e2", {{"team", "search"}, {"user", "alice"}}, {{"user-day", 40}})};
  const auto limits = EffectiveLimits(*policy, Someone("search", "alice"), exceptions, {}, kNow);
  ASSERT_THAT(limits, SizeIs(2));
  EXPECT_EQ(limits[1].amount, 50);
  EXPECT_EQ(limits[1].policy_amount, 30);
  EXPECT_EQ(limits[1].source, "exception e1");
  EXPECT_EQ(limits[1].until_us, kNow + 500);
  EXPECT_EQ(EffectiveLimits(*policy, Someone("search", "bob"), exceptions, {}, kNow)[1].amount, 20);
  // The other limit counts over the user alone.
  const auto opus = EffectiveLimitOf(*policy, "opus", Someone("", "alice"), exceptions, {}, kNow);
  ASSERT_TRUE(opus.ok()) << opus.status();
  EXPECT_EQ(opus->amount, 9);
}

TEST(EffectiveLimits, AThrottleIsToldWithWhatItIsOf) {
  const auto policy = ThePolicy();
  Curb throttle;
  throttle.alert = 17;
  throttle.share_permille = 100;
  throttle.scope = {{*ParseDimension("team"), "search"}, {*ParseDimension("user"), "alice"}};
  throttle.until_us = kNow + 100;
  const Curbs curbs({throttle});
  const Subject alice = Someone("search", "alice");
  auto limits = EffectiveLimits(*policy, alice, {}, curbs, kNow);
  ASSERT_THAT(limits, SizeIs(2));
  EXPECT_EQ(limits[0].source, "limit");
  EXPECT_EQ(limits[1].amount, 3);
  EXPECT_EQ(limits[1].policy_amount, 30);
  EXPECT_EQ(limits[1].source,
            "override {team=search, user=alice}, throttled to 10 % by alert A-17");
  EXPECT_EQ(limits[1].until_us, kNow + 100);
  // Of what an exception gave.
  const std::vector<Exception> exceptions = {
      Raised("e1", {{"team", "search"}, {"user", "alice"}}, {{"user-day", 50}})};
  const auto raised = EffectiveLimitOf(*policy, "user-day", alice, exceptions, curbs, kNow);
  ASSERT_TRUE(raised.ok()) << raised.status();
  EXPECT_EQ(raised->amount, 5);
  EXPECT_EQ(raised->source, "exception e1, throttled to 10 % by alert A-17");
  EXPECT_EQ(raised->until_us, kNow + 100);
  // Somebody else, and once it is over.
  EXPECT_EQ(EffectiveLimits(*policy, Someone("search", "bob"), {}, curbs, kNow)[1].amount, 20);
  EXPECT_EQ(EffectiveLimits(*policy, alice, {}, curbs, kNow + 100)[1].amount, 30);
}

TEST(EffectiveLimits, WhatDoesNotHoldHasNoEffect) {
  const auto policy = ThePolicy();
  const Subject alice = Someone("search", "alice");
  Exception exception = Raised("e", {{"team", "search"}, {"user", "alice"}}, {{"user-day", 50}});
  const auto amount = [&] {
    return EffectiveLimits(*policy, alice, {exception}, {}, kNow)[1].amount;
  };
  EXPECT_EQ(amount(), 50);
  for (const ExceptionState state :
       {ExceptionState::kRequested, ExceptionState::kDenied, ExceptionState::kScheduled,
        ExceptionState::kExpired, ExceptionState::kRevoked}) {
    exception.state = state;
    exception.spec.start_us = kNow + 1;
    EXPECT_EQ(amount(), 30);
  }
  exception = Raised("e", {{"team", "search"}, {"user", "alice"}}, {{"user-day", 25}});
  EXPECT_EQ(amount(), 30) << "an exception never lowers";
}

TEST(EffectiveLimits, OneLimitNeedsItsWholeScope) {
  const auto policy = ThePolicy();
  EXPECT_EQ(EffectiveLimitOf(*policy, "user-day", Someone("search", "x"), {}, {}, kNow)->amount,
            20);
  EXPECT_EQ(EffectiveLimitOf(*policy, "org-month", Someone("", ""), {}, {}, kNow)->scope,
            "{org=acme}");
  EXPECT_TRUE(
      absl::IsNotFound(EffectiveLimitOf(*policy, "none", Someone("", ""), {}, {}, kNow).status()));
  for (const auto& [limit, subject] :
       std::vector<std::pair<std::string, Subject>>{{"user-day", Someone("search", "")},
                                                    {"user-day", Someone("", "")},
                                                    {"org-month", Someone("search", "")},
                                                    {"opus", Someone("search", "alice")}}) {
    const absl::Status status = EffectiveLimitOf(*policy, limit, subject, {}, {}, kNow).status();
    ASSERT_THAT(FieldViolationsOf(status), SizeIs(1)) << limit;
    EXPECT_EQ(FieldViolationsOf(status)[0].field, "scope");
  }
}

}  // namespace
}  // namespace quotaplane
