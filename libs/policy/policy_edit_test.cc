// Changes of a document, one at a time.
#include "libs/policy/policy_edit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/policy/policy_builder.h"
#include "libs/policy/policy_diff.h"
#include "libs/policy/policy_random.h"
#include "libs/policy/policy_text.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kUsd = 1'000'000'000;

ScopeValues Scope(std::vector<std::pair<std::string, std::string>> values) {
  ScopeValues scope;
  for (auto& [name, value] : values) scope.emplace_back(Dim(name), std::move(value));
  std::sort(scope.begin(), scope.end());
  return scope;
}

WindowSpec Month(const std::string& zone_name = "UTC", int starts_on = 1) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(zone_name, &zone));
  return *ParseWindow("month", zone, starts_on);
}

Limit Monthly(std::string id, std::vector<std::string_view> per, int64_t usd) {
  Limit limit = DailyLimit(std::move(id), std::move(per), usd * kUsd);
  limit.unit = *ParseUnit("usd");
  limit.window = Month();
  return limit;
}

// So many USD a month.
SetAmount Set(std::vector<std::pair<std::string, std::string>> scope, int64_t usd) {
  SetAmount set;
  set.scope = Scope(std::move(scope));
  set.unit = *ParseUnit("usd");
  set.window = Month();
  set.amount = usd * kUsd;
  return set;
}

PolicyEdit EditOf(decltype(PolicyEdit::edit) edit) { return {std::move(edit), "acme", "set"}; }

// A document and what edits make of it.
class PolicyEditTest : public testing::Test {
 protected:
  void Start(std::vector<Limit> limits) {
    PolicyDocument document;
    document.limits = std::move(limits);
    Start(std::move(document));
  }
  void Start(PolicyDocument document) {
    const auto policy = Policy::Build(std::move(document));
    ASSERT_TRUE(policy.ok()) << policy.status();
    document_ = (*policy)->document();
  }

  // The changes that the edit made, as "PATH: BEFORE -> AFTER"; or the error.
  std::vector<std::string> Make(decltype(PolicyEdit::edit) edit) {
    const PolicyDocument before = document_;
    const absl::Status status = ApplyEdit(EditOf(std::move(edit)), &document_, &applied_);
    int64_t unlisted = 0;
    std::vector<std::string> lines;
    for (const PolicyChange& change : DiffPolicies(before, document_, 100, &unlisted)) {
      lines.push_back(absl::StrCat(change.path, ": ", change.before, " -> ", change.after));
    }
    if (!status.ok()) {
      EXPECT_THAT(lines, IsEmpty()) << "an error changes nothing";
      const std::string kind = status.code() == absl::StatusCode::kNotFound ? "NOT_FOUND " : "";
      return {absl::StrCat(kind, status.message())};
    }
    const auto policy = Policy::Build(document_);
    EXPECT_TRUE(policy.ok()) << policy.status();
    if (policy.ok()) {
      EXPECT_THAT(DiffPolicies(document_, (*policy)->document(), 10, &unlisted), IsEmpty())
          << "it is in normal form";
    }
    return lines;
  }

  PolicyDocument document_;
  AppliedEdit applied_;
};

TEST_F(PolicyEditTest, AnOverrideWhereALimitCountsTheScope) {
  Start({Monthly("user-month", {"user"}, 100), Monthly("team-month", {"team"}, 1'000)});
  EXPECT_THAT(Make(Set({{"user", "alice"}}, 500)),
              ElementsAre("limits[user-month].overrides[{user=alice}]:  -> 500"));
  EXPECT_EQ(applied_.limit_id, "user-month");
  EXPECT_FALSE(applied_.new_limit);
  EXPECT_THAT(Make(Set({{"user", "alice"}}, 600)),
              ElementsAre("limits[user-month].overrides[{user=alice}]: 500 -> 600"));
  EXPECT_THAT(Make(Set({{"user", "alice"}}, 600)), IsEmpty());
}

TEST_F(PolicyEditTest, TheLimitItselfForNoScope) {
  Start({Monthly("org-month", {}, 100), Monthly("user-month", {"user"}, 10)});
  EXPECT_THAT(Make(Set({}, 500)), ElementsAre("limits[org-month].amount: 100 -> 500"));
  SetAmount named = Set({}, 20);
  named.limit_id = "user-month";
  EXPECT_THAT(Make(named), ElementsAre("limits[user-month].amount: 10 -> 20"));
}

TEST_F(PolicyEditTest, ANewLimitWhereNoneCountsTheScope) {
  Start({Monthly("user-month", {"user"}, 100)});
  SetAmount set = Set({{"team", "search"}}, 500);
  EXPECT_THAT(Make(set),
              ElementsAre("set.on_outage: is needed: no limit counts usd of just that scope over "
                          "that window, so a new one has to be made; say allow or deny"));
  set.on_outage = OnOutage::kAllow;
  EXPECT_THAT(Make(set),
              ElementsAre("limits[team-search-month-usd]:  -> {id: team-search-month-usd, per: "
                          "[team], when: {team: search}, unit: usd, amount: 500, window: month, "
                          "time_zone: UTC, on_outage: allow}"));
  EXPECT_EQ(applied_.limit_id, "team-search-month-usd");
  EXPECT_TRUE(applied_.new_limit);
  // From then on it is there.
  set.amount = 700 * kUsd;
  set.on_outage.reset();
  EXPECT_THAT(Make(set), ElementsAre("limits[team-search-month-usd].amount: 500 -> 700"));
  EXPECT_FALSE(applied_.new_limit);
}

TEST_F(PolicyEditTest, ALimitThatCountsMoreOrLessIsAnother) {
  Limit model = Monthly("opus", {"team"}, 1);
  model.when = {When("model", {"claude-opus-*"})};
  Limit other_team = Monthly("ads", {"team"}, 1);
  other_team.when = {When("team", {"ads"})};
  Limit other_org = Monthly("other-org", {"team"}, 1);
  other_org.when = {When("org", {"tiny"})};
  Limit tiered = Monthly("tiered", {"team"}, 1);
  tiered.tier = "restricted";
  Limit unit = Monthly("unit", {"team"}, 1);
  unit.unit = *ParseUnit("requests");
  Limit window = Monthly("window", {"team"}, 1);
  window.window = *ParseWindow("day", absl::UTCTimeZone(), 1);
  PolicyDocument document;
  document.tiers = {{"restricted", {}, ""}};
  document.limits = {model,
                     other_team,
                     other_org,
                     tiered,
                     unit,
                     window,
                     Monthly("both", {"team", "user"}, 1),
                     Monthly("org", {}, 1)};
  Start(document);
  SetAmount set = Set({{"team", "search"}}, 500);
  set.on_outage = OnOutage::kDeny;
  Make(set);
  EXPECT_TRUE(applied_.new_limit) << applied_.limit_id;
}

TEST_F(PolicyEditTest, WhenMayLeaveJustTheScope) {
  // Only one of these is there at a time.
  Limit pinned = Monthly("pinned", {}, 1);
  pinned.when = {When("team", {"search"}), When("org", {"ac*"})};
  Start({pinned});
  EXPECT_THAT(Make(Set({{"team", "search"}}, 5)), ElementsAre("limits[pinned].amount: 1 -> 5"));
  Limit glob = Monthly("glob", {"team"}, 1);
  glob.when = {When("team", {"s*", "ads"})};
  Start({glob});
  EXPECT_THAT(Make(Set({{"team", "search"}}, 5)),
              ElementsAre("limits[glob].overrides[{team=search}]:  -> 5"));
}

TEST_F(PolicyEditTest, WhatDecidesIsWhatIsSet) {
  Limit limit = Monthly("user-month", {"user"}, 1);
  limit.overrides = {For({{"org", "acme"}}, 2 * kUsd),
                     For({{"org", "acme"}, {"user", "alice"}}, 3 * kUsd),
                     For({{"org", "tiny"}}, 4 * kUsd)};
  Start({limit});
  EXPECT_THAT(Make(Set({{"user", "alice"}}, 9)),
              ElementsAre("limits[user-month].overrides[{org=acme, user=alice}]: 3 -> 9"));
  EXPECT_THAT(Make(Set({{"user", "bob"}}, 9)),
              ElementsAre("limits[user-month].overrides[{org=acme, user=bob}]:  -> 9"))
      << "{user=bob} alone would tie with {org=tiny}";
  SetAmount all = Set({}, 9);
  all.limit_id = "user-month";
  EXPECT_THAT(Make(all), ElementsAre("limits[user-month].overrides[{org=acme}]: 2 -> 9"));

  Limit pinned = Monthly("pinned", {"team", "user"}, 1);
  pinned.when = {When("team", {"search"}), When("user", {"alice"})};
  pinned.overrides = {For({{"team", "search"}}, 2 * kUsd)};
  Start({pinned});
  EXPECT_THAT(Make(Set({{"team", "search"}, {"user", "alice"}}, 8)),
              ElementsAre("limits[pinned].overrides[{team=search, user=alice}]:  -> 8"))
      << "that of the team would decide otherwise";
  pinned.per = {Dim("team")};
  pinned.when.pop_back();
  Start({pinned});
  EXPECT_THAT(Make(Set({{"team", "search"}}, 9)),
              ElementsAre("limits[pinned].overrides[{team=search}]: 2 -> 9"));
}

TEST_F(PolicyEditTest, MoreThanOneIsAmbiguous) {
  Limit warning = Monthly("warning", {"user"}, 80);
  warning.on_exceed = OnExceed::kSoft;
  warning.on_outage = OnOutage::kAllow;
  Start({warning, Monthly("user-month", {"user"}, 100)});
  EXPECT_THAT(Make(Set({{"user", "alice"}}, 500)),
              ElementsAre("set.limit_id: is needed: more than one limit counts that: warning, "
                          "user-month"));
  SetAmount named = Set({{"user", "alice"}}, 500);
  named.limit_id = "user-month";
  EXPECT_THAT(Make(named), ElementsAre("limits[user-month].overrides[{user=alice}]:  -> 500"));
}

TEST_F(PolicyEditTest, TimeZonesMatterWhereGiven) {
  Limit berlin = Monthly("berlin", {"user"}, 1);
  berlin.window = Month("Europe/Berlin", 15);
  Start({berlin});
  EXPECT_THAT(Make(Set({{"user", "alice"}}, 5)),
              ElementsAre("limits[berlin].overrides[{user=alice}]:  -> 5"));
  SetAmount zoned = Set({{"user", "alice"}}, 6);
  zoned.time_zone = Month("Europe/Berlin").zone;
  EXPECT_THAT(Make(zoned), ElementsAre("limits[berlin].overrides[{user=alice}]: 5 -> 6"));
  zoned.time_zone = Month("America/New_York").zone;
  zoned.on_outage = OnOutage::kDeny;
  EXPECT_THAT(Make(zoned), ElementsAre(HasSubstr("time_zone: America/New_York")));
  EXPECT_TRUE(applied_.new_limit);
  zoned.limit_id = "berlin";
  EXPECT_THAT(Make(zoned), ElementsAre("set.time_zone: limit berlin counts over month "
                                       "Europe/Berlin from 15; leave it empty"));
}

TEST_F(PolicyEditTest, ConcurrencyHasNoWindow) {
  Limit limit = DailyLimit("team-parallel", {"team"}, 20);
  limit.unit = *ParseUnit("concurrency");
  limit.window = WindowSpec();
  Start({limit});
  SetAmount set;
  set.scope = Scope({{"team", "search"}});
  set.unit = *ParseUnit("concurrency");
  set.amount = 40;
  EXPECT_THAT(Make(set), ElementsAre("limits[team-parallel].overrides[{team=search}]:  -> 40"));
  set.window = Month();
  EXPECT_THAT(Make(set), ElementsAre("set.window: concurrency counts what is under way, so it has "
                                     "no window; leave it empty"));
  set.window.reset();
  set.scope = Scope({{"user", "alice"}});
  set.on_outage = OnOutage::kDeny;
  Make(set);
  EXPECT_EQ(applied_.limit_id, "user-alice-concurrency");
}

TEST_F(PolicyEditTest, ANamedLimitHasToFit) {
  Limit limit = Monthly("user-month", {"team", "user"}, 1);
  limit.when = {When("team", {"search", "ads"})};
  Start({limit});
  SetAmount set = Set({{"team", "search"}}, 5);
  set.limit_id = "user-month";
  EXPECT_THAT(Make(set), ElementsAre("limits[user-month].overrides[{team=search}]:  -> 5"));
  set.limit_id = "user-mnth";
  EXPECT_THAT(Make(set), ElementsAre("NOT_FOUND the policy has no limit \"user-mnth\"; did you "
                                     "mean \"user-month\"?"));
  set.limit_id = "user-month";
  set.scope = Scope({{"project", "x"}, {"team", "sales"}});
  set.unit = *ParseUnit("requests");
  set.window = *ParseWindow("60s", absl::UTCTimeZone(), 1);
  EXPECT_THAT(Make(set),
              ElementsAre("set.unit: limit user-month counts usd; write that, or leave it empty; "
                          "set.window: limit user-month counts over month UTC; write that, or "
                          "leave it empty; "
                          "set.scope[\"team\"]: limit user-month does not apply to \"sales\": its "
                          "`when` takes [search, ads]; "
                          "set.scope[\"project\"]: is not in the `per` of limit user-month, which "
                          "is [team, user]"));
}

TEST_F(PolicyEditTest, WhatIsMissingOrOutOfRange) {
  Start(std::vector<Limit>{});
  SetAmount set;
  set.amount = -1;
  set.scope = {{Dim("org"), "acme"}};
  EXPECT_THAT(Make(set), ElementsAre("set.amount: must be from 0 to 9007199254740991, not -1; "
                                     "set.scope[\"org\"]: is part of every scope; leave it out; "
                                     "set.unit: is needed where no limit is named; "
                                     "set.window: is needed where no limit is named"));
  SetAmount glob = Set({{"team", "a*"}, {"user", "b?"}}, 1);
  const absl::Status status = ApplyEdit(EditOf(glob), &document_, &applied_);
  const std::vector<FieldViolation> violations = FieldViolationsOf(status);
  ASSERT_THAT(violations, SizeIs(3));
  EXPECT_EQ(violations[0].field, "set.scope[\"team\"]");
  EXPECT_THAT(violations[0].description, HasSubstr("would take for a glob"));
  EXPECT_EQ(violations[1].field, "set.scope[\"user\"]");
  EXPECT_EQ(violations[2].field, "set.on_outage");
  SetAmount sliding = Set({}, 1);
  sliding.window = *ParseWindow("1h", absl::UTCTimeZone(), 1);
  sliding.time_zone = absl::UTCTimeZone();
  EXPECT_THAT(Make(sliding), ElementsAre("set.time_zone: is for calendar windows (day to year) "
                                         "only; leave it empty"));
}

TEST_F(PolicyEditTest, NewIdsAreValidAndUnique) {
  PolicyDocument document;
  document.model_rules = {{"org-month-usd", {}, {}, {Glob("m")}, ""}};
  Start(document);
  const auto id = [&](std::vector<std::pair<std::string, std::string>> scope) {
    SetAmount set = Set(std::move(scope), 1);
    set.on_outage = OnOutage::kDeny;
    Make(set);
    EXPECT_TRUE(applied_.new_limit);
    return applied_.limit_id;
  };
  EXPECT_EQ(id({}), "org-month-usd-2") << "the first is a model rule's";
  EXPECT_EQ(id({{"user", "Zoë Q. <zoe@example.com>"}}), "user-zo-q.-zoe-example.com-month-usd");
  EXPECT_EQ(id({{"labels.agent", "ci"}, {"team", "search"}}), "team-search-agent-ci-month-usd");
  EXPECT_EQ(id({{"team", "漢字"}}), "team-month-usd");
  EXPECT_EQ(id({{"team", "漢"}}), "team-month-usd-2");
  const std::string long_id = id({{"team", std::string(128, 'x')}});
  EXPECT_EQ(long_id.size(), 63u);
  EXPECT_THAT(long_id, testing::EndsWith("x-month-usd"));
  EXPECT_EQ(id({{"team", std::string(127, 'x')}}).size(), 63u);
  SetAmount meter = Set({}, 1);
  meter.unit = *ParseUnit(std::string(63, 'm'));
  meter.on_outage = OnOutage::kDeny;
  EXPECT_THAT(Make(meter), SizeIs(1));
}

TEST_F(PolicyEditTest, RemovesOverrides) {
  Limit limit = Monthly("l", {"team", "user"}, 1);
  limit.overrides = {For({{"team", "a"}}, 2 * kUsd), For({{"org", "acme"}, {"team", "a"}}, kUsd)};
  Start({limit});
  EXPECT_THAT(Make(RemoveOverride{"l", Scope({{"team", "b"}})}),
              ElementsAre("NOT_FOUND limit l has no override {team=b}"));
  EXPECT_THAT(Make(RemoveOverride{"m", {}}),
              ElementsAre("NOT_FOUND the policy has no limit \"m\""));
  EXPECT_THAT(Make(RemoveOverride{"l", Scope({{"team", "a"}})}),
              ElementsAre("limits[l].overrides[{team=a}]: 2 -> "));
  EXPECT_THAT(Make(RemoveOverride{"l", Scope({{"team", "a"}, {"org", "acme"}})}),
              ElementsAre("limits[l].overrides[{org=acme, team=a}]: 1 -> "));
}

TEST_F(PolicyEditTest, PutsAndRemovesLimits) {
  Start({Monthly("a", {}, 1), Monthly("b", {}, 2)});
  EXPECT_THAT(Make(PutLimit{Monthly("a", {}, 3)}), ElementsAre("limits[a].amount: 1 -> 3"));
  EXPECT_FALSE(applied_.new_limit);
  EXPECT_THAT(Make(PutLimit{Monthly("c", {}, 4)}), ElementsAre(HasSubstr("limits[c]:  -> {id: c")));
  EXPECT_TRUE(applied_.new_limit);
  EXPECT_EQ(document_.limits.back().id, "c");
  EXPECT_THAT(Make(RemoveLimit{"a"}), ElementsAre(HasSubstr("limits[a]: {id: a")));
  EXPECT_EQ(applied_.limit_id, "a");
  EXPECT_THAT(Make(RemoveLimit{"a"}), ElementsAre("NOT_FOUND the policy has no limit \"a\""));
}

// Whatever the policy: after an amount was set for a scope, a request of just that scope meets it.
TEST_F(PolicyEditTest, WhatWasSetHolds) {
  const uint64_t first = std::random_device()();
  int set_in_old = 0;
  for (uint64_t seed = first; seed < first + 2'000; ++seed) {
    RandomPolicy random(seed);
    const auto policy = Policy::Build(random.Document());
    ASSERT_TRUE(policy.ok()) << "seed " << seed << ": " << policy.status();
    PolicyDocument document = (*policy)->document();
    if (document.limits.empty()) continue;
    // Of a limit that is there, so that some are found.
    const Limit& model = document.limits[random.Below(document.limits.size())];
    SetAmount set;
    Subject subject{"acme", "t", "p", "u", "k", "m", {{"a", "x"}, {"null", "z"}, {"y", "y"}}};
    for (const Dimension& dimension : model.per) {
      set.scope.emplace_back(dimension, std::string(dimension.ValueIn(subject, subject.model)));
    }
    set.unit = model.unit;
    if (model.unit.kind != UnitKind::kConcurrency) set.window = model.window;
    set.amount = 7;
    set.on_outage = OnOutage::kDeny;
    AppliedEdit applied;
    const absl::Status status = ApplyEdit({set, "acme", "set"}, &document, &applied);
    if (!status.ok()) {
      ASSERT_THAT(std::string(status.message()), HasSubstr("more than one limit"))
          << "seed " << seed;
      continue;
    }
    const auto edited = Policy::Build(std::move(document));
    if (!edited.ok()) {
      ASSERT_THAT(std::string(edited.status().message()), HasSubstr("ties with"))
          << "seed " << seed;
      continue;
    }
    std::vector<AppliedLimit> limits;
    (*edited)->Match(subject, subject.model, &limits);
    const auto found = std::find_if(limits.begin(), limits.end(), [&](const AppliedLimit& each) {
      return each.limit->id == applied.limit_id;
    });
    ASSERT_NE(found, limits.end()) << "seed " << seed;
    EXPECT_EQ(found->amount, 7) << "seed " << seed;
    set_in_old += !applied.new_limit;
  }
  EXPECT_GT(set_in_old, 100);
}

}  // namespace
}  // namespace quotaplane
