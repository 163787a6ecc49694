// Which limits apply, at which amount, and which counters they share.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<const Policy> MustBuild(std::vector<Limit> limits) {
  PolicyDocument document;
  document.limits = std::move(limits);
  absl::StatusOr<std::shared_ptr<const Policy>> policy = Policy::Build(std::move(document));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

std::vector<AppliedLimit> Match(const Policy& policy, const Subject& subject) {
  std::vector<AppliedLimit> applied;
  policy.Match(subject, subject.model, &applied);
  return applied;
}

std::vector<std::string> Ids(const Policy& policy, const Subject& subject) {
  std::vector<std::string> ids;
  for (const AppliedLimit& applied : Match(policy, subject)) ids.push_back(applied.limit->id);
  return ids;
}

// The amount of the only limit.
int64_t AmountFor(const Policy& policy, const Subject& subject) {
  const std::vector<AppliedLimit> applied = Match(policy, subject);
  EXPECT_EQ(applied.size(), 1u);
  return applied.empty() ? -1 : applied[0].amount;
}

Digest CounterFor(const Limit& limit, const Subject& subject) {
  const std::vector<AppliedLimit> applied = Match(*MustBuild({limit}), subject);
  EXPECT_EQ(applied.size(), 1u);
  return applied.empty() ? Digest{} : applied[0].counter;
}

TEST(MatchTest, EveryMatchingLimitAppliesInPolicyOrder) {
  Limit late = DailyLimit("z", {}, 1);
  Limit by_team = DailyLimit("team-literal", {"user"}, 1);
  by_team.when = {When("team", {"search"})};
  Limit by_glob = DailyLimit("glob", {}, 1);
  by_glob.when = {When("model", {"claude-*"})};
  Limit by_user = DailyLimit("a", {"team"}, 1);
  by_user.when = {When("user", {"bob", "alice"})};
  const auto policy = MustBuild({late, by_team, by_glob, by_user});
  EXPECT_THAT(Ids(*policy, Alice()), ElementsAre("z", "team-literal", "glob", "a"));
}

TEST(MatchTest, NeedsEveryDimensionOfPer) {
  const auto policy =
      MustBuild({DailyLimit("both", {"team", "user"}, 1), DailyLimit("user", {"user"}, 1),
                 DailyLimit("label", {"labels.agent"}, 1)});
  Subject subject = Alice();
  EXPECT_THAT(Ids(*policy, subject), ElementsAre("both", "user", "label"));
  subject.team.clear();
  EXPECT_THAT(Ids(*policy, subject), ElementsAre("user", "label"));
  subject.labels.clear();
  EXPECT_THAT(Ids(*policy, subject), ElementsAre("user"));
}

TEST(MatchTest, NeedsOneGlobOfEveryCondition) {
  Limit limit = DailyLimit("l", {}, 1);
  limit.when = {When("model", {"gpt-*", "claude-opus-?"}), When("labels.agent", {"ci"})};
  const auto policy = MustBuild({limit});
  EXPECT_THAT(Ids(*policy, Alice()), ElementsAre("l"));
  Subject other_model = Alice();
  other_model.model = "gemini";
  EXPECT_THAT(Ids(*policy, other_model), IsEmpty());
  Subject other_agent = Alice();
  other_agent.labels = {{"agent", "nightly"}};
  EXPECT_THAT(Ids(*policy, other_agent), IsEmpty());
}

TEST(MatchTest, AnAbsentDimensionMatchesNotEvenAStar) {
  Limit limit = DailyLimit("l", {}, 1);
  limit.when = {When("team", {"*"})};
  const auto policy = MustBuild({limit});
  Subject subject = Alice();
  EXPECT_THAT(Ids(*policy, subject), ElementsAre("l"));
  subject.team.clear();
  EXPECT_THAT(Ids(*policy, subject), IsEmpty());
}

TEST(MatchTest, TheAttemptsModelStandsIn) {
  Limit limit = DailyLimit("l", {"model"}, 1);
  limit.when = {When("model", {"gpt-5"})};
  const auto policy = MustBuild({limit});
  std::vector<AppliedLimit> applied;
  policy->Match(Alice(), "gpt-5", &applied);
  EXPECT_EQ(applied.size(), 1u);
  EXPECT_THAT(Ids(*policy, Alice()), IsEmpty());
}

TEST(MatchTest, AppendsToWhatIsThere) {
  const auto policy = MustBuild({DailyLimit("l", {}, 1)});
  std::vector<AppliedLimit> applied(3);
  policy->Match(Alice(), "m", &applied);
  EXPECT_EQ(applied.size(), 4u);
}

TEST(OverrideTest, TheMostSpecificSetsTheAmount) {
  Limit limit = DailyLimit("l", {"team", "user", "model"}, 10);
  limit.overrides = {For({{"team", "search"}}, 20),
                     For({{"team", "search"}, {"user", "alice"}}, 30),
                     For({{"team", "search"}, {"user", "bob"}, {"model", "claude-opus-4"}}, 40)};
  const auto policy = MustBuild({limit});
  Subject subject = Alice();
  EXPECT_EQ(AmountFor(*policy, subject), 30);
  subject.user = "bob";
  EXPECT_EQ(AmountFor(*policy, subject), 40);
  subject.model = "gpt";
  EXPECT_EQ(AmountFor(*policy, subject), 20);
  subject.team = "ads";
  EXPECT_EQ(AmountFor(*policy, subject), 10);
}

TEST(OverrideTest, MayNameTheOrg) {
  Limit limit = DailyLimit("l", {"user"}, 10);
  limit.overrides = {For({{"org", "acme"}}, 20), For({{"org", "tiny"}, {"user", "alice"}}, 30)};
  const auto policy = MustBuild({limit});
  Subject subject = Alice();
  EXPECT_EQ(AmountFor(*policy, subject), 20);
  subject.org = "tiny";
  EXPECT_EQ(AmountFor(*policy, subject), 30);
  subject.user = "bob";
  EXPECT_EQ(AmountFor(*policy, subject), 10);
}

TEST(OverrideTest, AnAmountOfZeroIsAnAmount) {
  Limit limit = DailyLimit("l", {"user"}, 10);
  limit.overrides = {For({{"user", "alice"}}, 0)};
  EXPECT_EQ(AmountFor(*MustBuild({limit}), Alice()), 0);
}

TEST(OverrideTest, ValuesAreExactNotGlobs) {
  Limit limit = DailyLimit("l", {"user"}, 10);
  limit.overrides = {For({{"user", "a*"}}, 20)};
  EXPECT_EQ(AmountFor(*MustBuild({limit}), Alice()), 10);
}

TEST(CounterTest, LimitsOverTheSameThingShareIt) {
  Limit limit = DailyLimit("one", {"user"}, 10);
  limit.when = {When("model", {"claude-*", "gpt-*"}), When("team", {"search"})};
  Limit same = limit;
  same.id = "other";
  same.amount = 99;
  same.on_exceed = OnExceed::kShadow;
  same.on_outage = OnOutage::kAllow;
  same.hold = HoldMode::kNone;
  same.overrides = {For({{"user", "alice"}}, 5)};
  same.when = {When("team", {"search"}), When("model", {"gpt-*", "claude-*", "gpt-*"})};
  same.per = {Dim("user"), Dim("org"), Dim("user")};
  EXPECT_EQ(CounterFor(limit, Alice()), CounterFor(same, Alice()));
}

TEST(CounterTest, DiffersWithEverythingThatIsPartOfIt) {
  const Limit limit = DailyLimit("l", {"user"}, 10);
  std::vector<Digest> counters = {CounterFor(limit, Alice())};
  const auto add = [&](auto change) {
    Limit changed = limit;
    Subject subject = Alice();
    change(changed, subject);
    counters.push_back(CounterFor(changed, subject));
  };
  add([](Limit&, Subject& s) { s.org = "other"; });
  add([](Limit&, Subject& s) { s.user = "bob"; });
  add([](Limit& l, Subject&) { l.per = {}; });
  add([](Limit& l, Subject&) { l.per = {Dim("team")}; });
  add([](Limit& l, Subject& s) {
    l.per = {Dim("team")}, s.team = "alice";
  });  // the same value, another name
  add([](Limit& l, Subject&) { l.per = {Dim("team"), Dim("user")}; });
  add([](Limit& l, Subject&) { l.when = {When("user", {"alice"})}; });
  add([](Limit& l, Subject&) { l.when = {When("user", {"al*"})}; });
  add([](Limit& l, Subject&) { l.when = {When("model", {"*"})}; });
  add([](Limit& l, Subject&) { l.unit = *ParseUnit("usd"); });
  add([](Limit& l, Subject&) { l.unit = *ParseUnit("images"); });
  add([](Limit& l, Subject&) { l.window = *ParseWindow("24h", absl::UTCTimeZone(), 1); });
  add([](Limit& l, Subject&) { l.window = *ParseWindow("month", absl::UTCTimeZone(), 1); });
  add([](Limit& l, Subject&) { l.window = *ParseWindow("month", absl::UTCTimeZone(), 2); });
  add([](Limit& l, Subject&) { l.window = *ParseWindow("day", absl::FixedTimeZone(3600), 1); });
  std::set<std::string_view> distinct;
  for (const Digest& counter : counters) distinct.insert(counter.view());
  EXPECT_EQ(distinct.size(), counters.size());
}

TEST(CounterTest, IgnoresDimensionsOutsidePer) {
  const Limit limit = DailyLimit("l", {"user"}, 10);
  Subject subject = Alice();
  subject.team = "ads";
  subject.labels.clear();
  subject.model = "gpt";
  EXPECT_EQ(CounterFor(limit, subject), CounterFor(limit, Alice()));
}

TEST(ScopeStringTest, NamesOrgPerAndWhen) {
  Limit limit = DailyLimit("l", {"team", "labels.agent"}, 1);
  limit.when = {When("team", {"s*"}), When("model", {"claude-opus-*", "gpt-*"}),
                When("org", {"a*"})};
  EXPECT_EQ(ScopeString(limit, Alice(), "m"),
            "{org=acme, team=search, labels.agent=ci, model=claude-opus-*|gpt-*}");
  EXPECT_EQ(ScopeString(DailyLimit("l", {}, 1), Alice(), "m"), "{org=acme}");
  EXPECT_EQ(ScopeString(DailyLimit("l", {"model"}, 1), Alice(), "m-2"), "{org=acme, model=m-2}");
}

}  // namespace
}  // namespace quotaplane
