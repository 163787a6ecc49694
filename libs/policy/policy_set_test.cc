#include "libs/policy/policy_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<const Policy> OneLimit(std::string id, int64_t amount = 10) {
  PolicyDocument document;
  document.limits = {DailyLimit(std::move(id), {"user"}, amount)};
  return *Policy::Build(std::move(document));
}

Raise OfAlice(std::string limit_id) {
  Raise raise{"e1", std::move(limit_id), {{Dim("user"), "alice"}}, 20, 0, 100};
  return raise;
}

// Whether the org's raise of Alice holds under the org's policy.
bool Raised(const PolicySet& set, const std::string& org) {
  Subject alice = Alice();
  alice.org = org;
  std::vector<AppliedLimit> applied;
  set.For(org).policy->Match(alice, alice.model, &applied);
  EXPECT_EQ(applied.size(), 1u);
  return !applied.empty() && set.For(org).raises->Find(applied[0], 50) != nullptr;
}

TEST(PolicySetTest, WithoutAnythingOfTheirOwnAllHaveTheDefault) {
  const auto policy = OneLimit("user-day");
  const PolicySet set(policy);
  EXPECT_EQ(&set.default_policy(), policy.get());
  EXPECT_EQ(set.For("acme").policy, policy);
  EXPECT_EQ(set.For("acme").version, 0);
  EXPECT_TRUE(set.For("").raises->empty());
  EXPECT_THAT(set.OrgsWithOwn(), IsEmpty());
}

TEST(PolicySetTest, AnOwnPolicyStandsInPlaceOfTheDefault) {
  const auto first = std::make_shared<const PolicySet>(OneLimit("default"));
  const auto own = OneLimit("own");
  const auto second = first->WithPolicy("acme", 3, own)->WithPolicy("aaa", 1, own);
  EXPECT_EQ(second->For("acme").policy, own);
  EXPECT_EQ(second->For("acme").version, 3);
  EXPECT_EQ(second->For("globex").policy, first->For("globex").policy);
  EXPECT_THAT(second->OrgsWithOwn(), ElementsAre("aaa", "acme"));
  // The first is as it was.
  EXPECT_EQ(first->For("acme").version, 0);
  EXPECT_THAT(first->OrgsWithOwn(), IsEmpty());

  const auto next_default = OneLimit("next");
  const auto third = second->WithDefault(next_default);
  EXPECT_EQ(third->For("acme").policy, own);
  EXPECT_EQ(third->For("globex").policy, next_default);
  EXPECT_EQ(&third->default_policy(), next_default.get());

  const auto fourth = third->WithoutPolicy("acme")->WithoutPolicy("never had one");
  EXPECT_EQ(fourth->For("acme").policy, next_default);
  EXPECT_EQ(fourth->For("acme").version, 0);
  EXPECT_THAT(fourth->OrgsWithOwn(), ElementsAre("aaa"));
}

TEST(PolicySetTest, RaisesAreAnOrgsOwn) {
  const auto first = std::make_shared<const PolicySet>(OneLimit("user-day"));
  const auto second = first->WithRaises("acme", {OfAlice("user-day")});
  EXPECT_TRUE(Raised(*second, "acme"));
  EXPECT_FALSE(Raised(*second, "globex"));
  EXPECT_FALSE(Raised(*first, "acme"));
  // It has no policy of its own for that.
  EXPECT_EQ(second->For("acme").version, 0);
  EXPECT_THAT(second->OrgsWithOwn(), IsEmpty());
  EXPECT_FALSE(Raised(*second->WithRaises("acme", {}), "acme"));
  // In place of those that it had.
  EXPECT_FALSE(Raised(*second->WithRaises("acme", {OfAlice("other")}), "acme"));
}

TEST(PolicySetTest, RaisesFollowThePolicy) {
  const auto set = PolicySet(OneLimit("user-day")).WithRaises("acme", {OfAlice("user-day")});
  // The limit goes, and the raise waits; the limit comes back, and with it the raise.
  const auto own = set->WithPolicy("acme", 1, OneLimit("other"));
  EXPECT_FALSE(Raised(*own, "acme"));
  EXPECT_EQ(own->For("acme").raises->list().size(), 1u);
  EXPECT_TRUE(Raised(*own->WithPolicy("acme", 2, OneLimit("user-day")), "acme"));
  EXPECT_TRUE(Raised(*own->WithoutPolicy("acme"), "acme"));
  // The same through a new default.
  const auto next = set->WithDefault(OneLimit("other"));
  EXPECT_FALSE(Raised(*next, "acme"));
  EXPECT_TRUE(Raised(*next->WithDefault(OneLimit("user-day")), "acme"));
  // An own policy's raises are not the default's business.
  EXPECT_TRUE(Raised(
      *own->WithPolicy("acme", 2, OneLimit("user-day"))->WithDefault(OneLimit("other")), "acme"));
}

TEST(PolicySetTest, CurbsAreAnOrgsOwnWhateverItsPolicy) {
  Curb freeze;
  freeze.alert = 17;
  freeze.freeze = true;
  freeze.until_us = 100;
  const auto frozen = [](const PolicySet& set, const std::string& org) {
    return set.For(org).curbs->Freeze(Alice(), "m", 50) != nullptr;
  };
  const auto first = std::make_shared<const PolicySet>(OneLimit("user-day"));
  EXPECT_TRUE(first->For("acme").curbs->empty());
  const auto second = first->WithCurbs("acme", {freeze});
  EXPECT_TRUE(frozen(*second, "acme"));
  EXPECT_FALSE(frozen(*second, "globex"));
  EXPECT_FALSE(frozen(*first, "acme"));
  EXPECT_EQ(second->For("acme").version, 0);
  EXPECT_THAT(second->OrgsWithOwn(), IsEmpty());
  // They stay through every other change.
  const auto own = second->WithPolicy("acme", 1, OneLimit("own"))->WithDefault(OneLimit("next"));
  EXPECT_TRUE(frozen(*own, "acme"));
  EXPECT_TRUE(frozen(*own->WithRaises("acme", {OfAlice("own")}), "acme"));
  EXPECT_TRUE(frozen(*own->WithRaises("acme", {}), "acme"));
  const auto back = own->WithoutPolicy("acme");
  EXPECT_TRUE(frozen(*back, "acme"));
  EXPECT_EQ(back->For("acme").policy->document().limits[0].id, "next");
  // And other things through theirs.
  const auto raised = own->WithRaises("acme", {OfAlice("own")})->WithCurbs("acme", {});
  EXPECT_FALSE(frozen(*raised, "acme"));
  EXPECT_TRUE(Raised(*raised, "acme"));
  EXPECT_EQ(raised->For("acme").version, 1);
}

TEST(PolicySetTest, SeveralChangesAreTheSameAsOneAfterTheOther) {
  const auto first = std::make_shared<const PolicySet>(OneLimit("user-day"))
                         ->WithPolicy("gone", 1, OneLimit("gone"))
                         ->WithRaises("stays", {OfAlice("user-day")});
  const auto next = OneLimit("own");
  const auto set = first->WithAll({
      {"acme", std::pair(int64_t{4}, next), std::nullopt},
      {"acme", std::nullopt, std::vector<Raise>{OfAlice("own")}},
      {"gone", std::pair(int64_t{0}, std::shared_ptr<const Policy>()), std::nullopt},
  });
  EXPECT_EQ(set->For("acme").policy, next);
  EXPECT_EQ(set->For("acme").version, 4);
  EXPECT_TRUE(Raised(*set, "acme"));
  EXPECT_TRUE(Raised(*set, "stays"));
  EXPECT_EQ(set->For("gone").version, 0);
  EXPECT_THAT(set->OrgsWithOwn(), ElementsAre("acme"));
  EXPECT_THAT(first->OrgsWithOwn(), ElementsAre("gone"));
}

}  // namespace
}  // namespace quotaplane
