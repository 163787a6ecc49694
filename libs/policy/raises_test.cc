#include "libs/policy/raises.h"

#include <gtest/gtest.h>

#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

constexpr int64_t kFrom = 1'000, kUntil = 2'000;

std::shared_ptr<const Policy> MustBuild(std::vector<Limit> limits) {
  PolicyDocument document;
  document.limits = std::move(limits);
  absl::StatusOr<std::shared_ptr<const Policy>> policy = Policy::Build(std::move(document));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

Raise Of(std::string id, std::string limit_id,
         std::vector<std::pair<std::string, std::string>> scope, int64_t amount) {
  Raise raise;
  raise.exception_id = std::move(id);
  raise.limit_id = std::move(limit_id);
  for (auto& [dimension, value] : scope) raise.scope.emplace_back(Dim(dimension), value);
  raise.amount = amount;
  raise.from_us = kFrom;
  raise.until_us = kUntil;
  return raise;
}

// Of each limit that applies to the subject, in policy order, the exception's id; "-": none.
std::string Found(const Raises& raises, const Policy& policy, const Subject& subject,
                  int64_t now_us = kFrom) {
  std::vector<AppliedLimit> applied;
  policy.Match(subject, subject.model, &applied);
  std::string found;
  for (const AppliedLimit& one : applied) {
    const Raise* raise = raises.Find(one, now_us);
    found += (found.empty() ? "" : " ") + (raise == nullptr ? "-" : raise->exception_id);
  }
  return found;
}

TEST(RaisesTest, OneCounterOfOneLimitIsRaised) {
  const auto policy =
      MustBuild({DailyLimit("user-day", {"user"}, 10), DailyLimit("team-day", {"team"}, 10),
                 DailyLimit("user-model", {"user", "model"}, 10)});
  const Raises raises("acme", *policy, {Of("e1", "user-day", {{"user", "alice"}}, 20)});
  EXPECT_FALSE(raises.empty());
  EXPECT_EQ(Found(raises, *policy, Alice()), "e1 - -");
  Subject bob = Alice();
  bob.user = "bob";
  EXPECT_EQ(Found(raises, *policy, bob), "- - -");
  Subject other_org = Alice();
  other_org.org = "globex";
  EXPECT_EQ(Found(raises, *policy, other_org), "- - -");
  EXPECT_EQ(Found(Raises(), *policy, Alice()), "- - -");
}

TEST(RaisesTest, ItHoldsFromItsStartToBeforeItsEnd) {
  const auto policy = MustBuild({DailyLimit("user-day", {"user"}, 10)});
  const Raises raises("acme", *policy, {Of("e1", "user-day", {{"user", "alice"}}, 20)});
  EXPECT_EQ(Found(raises, *policy, Alice(), kFrom - 1), "-");
  EXPECT_EQ(Found(raises, *policy, Alice(), kFrom), "e1");
  EXPECT_EQ(Found(raises, *policy, Alice(), kUntil - 1), "e1");
  EXPECT_EQ(Found(raises, *policy, Alice(), kUntil), "-");
}

TEST(RaisesTest, ItNeverLowers) {
  Limit limit = DailyLimit("user-day", {"user"}, 10);
  limit.overrides = {For({{"user", "alice"}}, 30)};
  const auto policy = MustBuild({limit});
  const auto found = [&](int64_t amount) {
    return Found(Raises("acme", *policy, {Of("e1", "user-day", {{"user", "alice"}}, amount)}),
                 *policy, Alice());
  };
  EXPECT_EQ(found(29), "-");
  EXPECT_EQ(found(30), "-");
  EXPECT_EQ(found(31), "e1");
}

TEST(RaisesTest, TheHighestThatHoldsCounts) {
  const auto policy = MustBuild({DailyLimit("user-day", {"user"}, 10)});
  Raise high = Of("high", "user-day", {{"user", "alice"}}, 40);
  high.until_us = kFrom + 10;
  const Raise low = Of("low", "user-day", {{"user", "alice"}}, 20);
  Raise equal = Of("equal", "user-day", {{"user", "alice"}}, 20);
  equal.until_us = kUntil + 10;
  const Raises raises("acme", *policy, {low, high, equal});
  EXPECT_EQ(Found(raises, *policy, Alice(), kFrom), "high");
  EXPECT_EQ(Found(raises, *policy, Alice(), kFrom + 10), "equal");
  EXPECT_EQ(Found(raises, *policy, Alice(), kUntil), "equal");
}

TEST(RaisesTest, ScopesHaveEveryDimensionInAnyOrder) {
  const auto policy = MustBuild({DailyLimit("wide", {"user", "labels.agent", "model"}, 10),
                                 DailyLimit("org-day", {}, 10),
                                 DailyLimit("more", {"team", "project", "api_key"}, 10)});
  const std::vector<Raise> list = {
      Of("e1", "wide", {{"model", "claude-opus-4"}, {"labels.agent", "ci"}, {"user", "alice"}}, 20),
      Of("e2", "org-day", {}, 20),
      Of("e3", "more",
         {{"org", "acme"}, {"project", "assistant"}, {"api_key", "key-1"}, {"team", "search"}},
         20)};
  EXPECT_EQ(Found(Raises("acme", *policy, list), *policy, Alice()), "e1 e2 e3");
}

TEST(RaisesTest, WhatFitsNoLimitIsKeptAndHasNoEffect) {
  const auto policy =
      MustBuild({DailyLimit("user-day", {"user"}, 10), DailyLimit("org-day", {}, 10)});
  const std::vector<Raise> list = {
      Of("no such limit", "user-week", {{"user", "alice"}}, 20),
      Of("too narrow", "user-day", {{"user", "alice"}, {"team", "search"}}, 20),
      Of("too wide", "user-day", {}, 20),
      Of("another dimension", "user-day", {{"team", "search"}}, 20),
      Of("twice", "user-day", {{"user", "alice"}, {"user", "alice"}}, 20),
      Of("no value", "user-day", {{"user", ""}}, 20),
      Of("another org", "org-day", {{"org", "globex"}}, 20),
  };
  const Raises raises("acme", *policy, list);
  EXPECT_EQ(Found(raises, *policy, Alice()), "- -");
  EXPECT_EQ(raises.list(), list);
}

TEST(RaisesTest, LimitsOnOneCounterAreRaisedOneByOne) {
  // A soft warning and a hard stop on the same counter.
  const auto policy =
      MustBuild({DailyLimit("warn", {"user"}, 10), DailyLimit("stop", {"user"}, 12)});
  EXPECT_EQ(
      Found(Raises("acme", *policy, {Of("e1", "stop", {{"user", "alice"}}, 20)}), *policy, Alice()),
      "- e1");
}

TEST(RaisesTest, ALimitOfATierIsRaised) {
  PolicyDocument document;
  document.limits = {DailyLimit("restricted-day", {"user"}, 10)};
  document.limits[0].tier = "restricted";
  document.tiers = {{"restricted", {When("team", {"search"})}, "here"}};
  const auto policy = Policy::Build(std::move(document));
  ASSERT_TRUE(policy.ok()) << policy.status();
  const Raises raises("acme", **policy, {Of("e1", "restricted-day", {{"user", "alice"}}, 20)});
  EXPECT_EQ(Found(raises, **policy, Alice()), "e1");
}

TEST(RaisesTest, ALimitWithConditionsIsRaisedByItsScope) {
  Limit limit = DailyLimit("opus-user", {"user"}, 10);
  limit.when = {When("model", {"claude-opus-*"})};
  const auto policy = MustBuild({limit});
  const Raises raises("acme", *policy, {Of("e1", "opus-user", {{"user", "alice"}}, 20)});
  EXPECT_EQ(Found(raises, *policy, Alice()), "e1");
}

}  // namespace
}  // namespace quotaplane
