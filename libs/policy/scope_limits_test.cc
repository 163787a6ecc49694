#include "libs/policy/scope_limits.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

std::shared_ptr<const Policy> MustBuild(std::vector<Limit> limits) {
  PolicyDocument document;
  document.limits = std::move(limits);
  document.tiers = {{"restricted", {When("team", {"search"})}, "here"}};
  absl::StatusOr<std::shared_ptr<const Policy>> policy = Policy::Build(std::move(document));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

// What an alert knows of it: the org and the limit's own dimensions.
Subject ScopeOf(const Limit& limit, const Subject& subject) {
  Subject scope;
  scope.org = subject.org;
  for (const Dimension& dimension : limit.per) {
    if (dimension.kind == DimensionKind::kUser) scope.user = subject.user;
    if (dimension.kind == DimensionKind::kModel) scope.model = subject.model;
    if (dimension.kind == DimensionKind::kLabel) scope.labels = subject.labels;
  }
  return scope;
}

TEST(ScopeLimitsTest, AgreesWithWhatRequestsMeet) {
  Limit plain = DailyLimit("plain", {"user"}, 10);
  Limit whole_org = DailyLimit("org", {}, 1'000);
  Limit by_team = DailyLimit("of-search", {"user", "model"}, 20);
  by_team.when = {When("team", {"search"})};
  by_team.overrides = {For({{"user", "alice"}}, 30), For({{"user", "bob"}}, 40),
                       For({{"user", "alice"}, {"model", "claude-opus-4"}}, 50)};
  Limit tiered = DailyLimit("tiered", {"labels.agent"}, 7);
  tiered.tier = "restricted";
  tiered.overrides = {For({{"org", "acme"}}, 8)};
  const auto policy = MustBuild({plain, whole_org, by_team, tiered});
  ScopeLimits scopes(policy);
  std::vector<Subject> subjects = {Alice(), Alice(), Alice()};
  subjects[1].user = "bob";
  subjects[2].model = "other";
  for (const Subject& subject : subjects) {
    std::vector<AppliedLimit> applied;
    policy->Match(subject, subject.model, &applied);
    ASSERT_EQ(applied.size(), 4U);
    for (const AppliedLimit& one : applied) {
      const auto found = scopes.Find(one.limit->id, ScopeOf(*one.limit, subject));
      ASSERT_TRUE(found.has_value()) << one.limit->id;
      EXPECT_EQ(found->limit, one.limit);
      EXPECT_EQ(found->amount, one.amount) << one.limit->id;
      EXPECT_EQ(found->counter, one.counter) << one.limit->id;
    }
  }
}

TEST(ScopeLimitsTest, WhatIsNotThereIsAbsent) {
  const auto policy = MustBuild({DailyLimit("user-day", {"user"}, 10)});
  ScopeLimits scopes(policy);
  Subject nobody;
  nobody.org = "acme";
  EXPECT_FALSE(scopes.Find("user-day", nobody).has_value());
  EXPECT_FALSE(scopes.Find("user-month", Alice()).has_value());
}

}  // namespace
}  // namespace quotaplane
