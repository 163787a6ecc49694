#include "libs/policy/curbs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

constexpr int64_t kFrom = 1'000, kUntil = 2'000;

using ScopeWords = std::vector<std::pair<std::string, std::string>>;

Curb Of(int64_t alert, const ScopeWords& scope) {
  Curb curb;
  curb.alert = alert;
  for (const auto& [dimension, value] : scope) curb.scope.emplace_back(Dim(dimension), value);
  curb.from_us = kFrom;
  curb.until_us = kUntil;
  return curb;
}
Curb FreezeOf(int64_t alert, const ScopeWords& scope) {
  Curb curb = Of(alert, scope);
  curb.freeze = true;
  return curb;
}
Curb ThrottleOf(int64_t alert, int share_permille, const ScopeWords& scope,
                std::string limit_id = "") {
  Curb curb = Of(alert, scope);
  curb.share_permille = share_permille;
  curb.limit_id = std::move(limit_id);
  return curb;
}

// Which alert froze the subject; 0: none.
int64_t Frozen(const Curbs& curbs, const Subject& subject, int64_t now_us = kFrom) {
  const Curb* const freeze = curbs.Freeze(subject, subject.model, now_us);
  return freeze == nullptr ? 0 : freeze->alert;
}
// Which alert throttles a limit over these.
int64_t Throttled(const Curbs& curbs, std::vector<std::string_view> per, const Subject& subject,
                  int64_t now_us = kFrom) {
  const Limit limit = DailyLimit("limit", std::move(per), 10);
  const Curb* const throttle = curbs.Throttle(limit, subject, subject.model, now_us);
  return throttle == nullptr ? 0 : throttle->alert;
}

TEST(CurbsTest, AFreezeConcernsWhoHasEveryDimension) {
  const Curbs curbs({FreezeOf(1, {{"user", "alice"}, {"labels.agent", "ci"}})});
  EXPECT_FALSE(curbs.empty());
  EXPECT_EQ(Frozen(curbs, Alice()), 1);
  Subject without_agent = Alice();
  without_agent.labels.clear();
  EXPECT_EQ(Frozen(curbs, without_agent), 0);
  Subject bob = Alice();
  bob.user = "bob";
  EXPECT_EQ(Frozen(curbs, bob), 0);
  EXPECT_EQ(Frozen(Curbs(), Alice()), 0);
  EXPECT_TRUE(Curbs().empty());
}

TEST(CurbsTest, AScopeOfNothingConcernsEverybody) {
  EXPECT_EQ(Frozen(Curbs({FreezeOf(1, {})}), Alice()), 1);
  EXPECT_EQ(Frozen(Curbs({FreezeOf(1, {})}), {"acme", "", "", "", "", "", {}}), 1);
  EXPECT_EQ(Frozen(Curbs({FreezeOf(1, {{"org", "acme"}})}), Alice()), 1);
  EXPECT_EQ(Frozen(Curbs({FreezeOf(1, {{"org", "globex"}})}), Alice()), 0);
}

TEST(CurbsTest, TheModelIsTheOneAskedFor) {
  const Curbs curbs({FreezeOf(1, {{"model", "claude-opus-4"}})});
  EXPECT_NE(curbs.Freeze(Alice(), "claude-opus-4", kFrom), nullptr);
  EXPECT_EQ(curbs.Freeze(Alice(), "claude-haiku-4", kFrom), nullptr);
}

TEST(CurbsTest, ItHoldsFromItsStartToBeforeItsEnd) {
  const Curbs curbs({FreezeOf(1, {{"user", "alice"}}), ThrottleOf(2, 200, {{"user", "alice"}})});
  for (const auto& [now_us, holds] : std::vector<std::pair<int64_t, bool>>{
           {kFrom - 1, false}, {kFrom, true}, {kUntil - 1, true}, {kUntil, false}}) {
    EXPECT_EQ(Frozen(curbs, Alice(), now_us), holds ? 1 : 0) << now_us;
    EXPECT_EQ(Throttled(curbs, {"user"}, Alice(), now_us), holds ? 2 : 0) << now_us;
  }
}

TEST(CurbsTest, OfFreezesTheLastToEndIsTold) {
  Curb longer = FreezeOf(2, {{"user", "alice"}});
  longer.until_us = kUntil + 10;
  Curb longest = FreezeOf(3, {{"team", "search"}});
  longest.until_us = kUntil + 20;
  Curb later = FreezeOf(4, {{"team", "search"}});
  later.from_us = kUntil;
  later.until_us = kUntil + 30;
  const Curbs curbs({FreezeOf(1, {{"user", "alice"}}), longer, longest, later});
  EXPECT_EQ(Frozen(curbs, Alice(), kFrom), 3);
  EXPECT_EQ(Frozen(curbs, Alice(), kUntil), 4);
  Subject of_no_team = Alice();
  of_no_team.team.clear();
  EXPECT_EQ(Frozen(curbs, of_no_team, kFrom), 2);
  EXPECT_EQ(Frozen(curbs, of_no_team, kUntil + 10), 0);
}

TEST(CurbsTest, AThrottleLowersWhatCountsWithinItsScope) {
  const Curbs curbs({ThrottleOf(1, 200, {{"user", "alice"}})});
  EXPECT_EQ(Throttled(curbs, {"user"}, Alice()), 1);
  EXPECT_EQ(Throttled(curbs, {"user", "model"}, Alice()), 1);
  // Others count here too: their share stays as it is.
  EXPECT_EQ(Throttled(curbs, {"team"}, Alice()), 0);
  EXPECT_EQ(Throttled(curbs, {}, Alice()), 0);
  Subject bob = Alice();
  bob.user = "bob";
  EXPECT_EQ(Throttled(curbs, {"user"}, bob), 0);
  EXPECT_EQ(Frozen(curbs, Alice()), 0);
}

TEST(CurbsTest, AThrottleOfTheWholeOrgLowersEveryLimit) {
  for (const ScopeWords& scope : {ScopeWords{}, ScopeWords{{"org", "acme"}}}) {
    const Curbs curbs({ThrottleOf(1, 200, scope)});
    EXPECT_EQ(Throttled(curbs, {}, Alice()), 1);
    EXPECT_EQ(Throttled(curbs, {"user"}, Alice()), 1);
  }
}

TEST(CurbsTest, AThrottleOfOneLimitLowersThatAlone) {
  const Curbs curbs({ThrottleOf(1, 200, {{"user", "alice"}}, "other"),
                     ThrottleOf(2, 300, {{"user", "alice"}}, "limit"),
                     // Nobody else's: it counts others too.
                     ThrottleOf(3, 100, {{"user", "alice"}, {"team", "search"}}, "limit")});
  EXPECT_EQ(Throttled(curbs, {"user"}, Alice()), 2);
  EXPECT_EQ(Throttled(curbs, {"user", "team"}, Alice()), 3);
}

TEST(CurbsTest, OfThrottlesTheLowestCounts) {
  Curb short_one = ThrottleOf(1, 100, {{"user", "alice"}});
  short_one.until_us = kFrom + 10;
  Curb longer = ThrottleOf(4, 300, {{"team", "search"}});
  longer.until_us = kUntil + 10;
  const Curbs curbs({ThrottleOf(2, 300, {{"user", "alice"}}), short_one,
                     ThrottleOf(3, 300, {{"user", "alice"}}, "limit"), longer});
  EXPECT_EQ(Throttled(curbs, {"user", "team"}, Alice(), kFrom), 1);
  // Then of those with the same share the one that ends last.
  EXPECT_EQ(Throttled(curbs, {"user", "team"}, Alice(), kFrom + 10), 4);
  EXPECT_EQ(Throttled(curbs, {"user", "team"}, Alice(), kUntil + 9), 4);
  EXPECT_EQ(Throttled(curbs, {"user", "team"}, Alice(), kUntil + 10), 0);
}

TEST(CurbsTest, WhatIsNoScopeIsKeptAndHasNoEffect) {
  const std::vector<Curb> list = {FreezeOf(1, {{"user", "alice"}, {"user", "alice"}}),
                                  FreezeOf(2, {{"user", ""}})};
  const Curbs curbs(list);
  EXPECT_EQ(Frozen(curbs, Alice()), 0);
  EXPECT_EQ(curbs.list(), list);
}

TEST(CurbsTest, ValuesAreNotMixedUp) {
  const Curbs curbs({FreezeOf(1, {{"team", "a"}, {"user", "bc"}})});
  Subject subject = Alice();
  subject.team = "ab";
  subject.user = "c";
  EXPECT_EQ(Frozen(curbs, subject), 0);
  subject.team = "bc";
  subject.user = "a";
  EXPECT_EQ(Frozen(curbs, subject), 0);
}

TEST(CurbsTest, AShareIsRoundedDown) {
  const auto amount = [](int64_t whole, int share) {
    return ThrottledAmount(whole, ThrottleOf(1, share, {}));
  };
  EXPECT_EQ(amount(10, 200), 2);
  EXPECT_EQ(amount(9, 200), 1);
  EXPECT_EQ(amount(4, 200), 0);
  EXPECT_EQ(amount(0, 999), 0);
  EXPECT_EQ(amount(-5, 999), 0);
  EXPECT_EQ(amount(1'999, 1), 1);
  EXPECT_EQ(amount(kMaxAmount, 999),
            static_cast<int64_t>(static_cast<__int128>(kMaxAmount) * 999 / 1'000));
}

TEST(CurbsTest, Words) {
  Curb freeze = FreezeOf(17, {{"user", "alice"}, {"team", "search"}});
  freeze.until_us = 1'795'705'200'000'000;  // 2026-11-26 15:00 UTC
  EXPECT_EQ(AlertName(17), "A-17");
  EXPECT_EQ(CurbDeedWords(freeze), "frozen by alert A-17");
  EXPECT_EQ(CurbWords(freeze), "frozen by alert A-17 until 2026-11-26 15:00 UTC");
  EXPECT_EQ(CurbScopeString(freeze, "acme"), "{org=acme, team=search, user=alice}");
  EXPECT_EQ(CurbScopeString(FreezeOf(1, {{"org", "acme"}}), "acme"), "{org=acme}");
  Curb throttle = ThrottleOf(18, 125, {});
  throttle.until_us = freeze.until_us + 29'000'001;
  EXPECT_EQ(CurbWords(throttle), "throttled to 12.5 % by alert A-18 until 2026-11-26 15:00:30 UTC");
  throttle.share_permille = 200;
  throttle.until_us = freeze.until_us - 1;
  EXPECT_EQ(CurbWords(throttle), "throttled to 20 % by alert A-18 until 2026-11-26 15:00 UTC");
}

// Against going through all of them.

bool Concerns(const Curb& curb, const Subject& subject, std::string_view model, int64_t now_us) {
  return now_us >= curb.from_us && now_us < curb.until_us &&
         std::ranges::all_of(curb.scope, [&](const auto& entry) {
           return entry.first.ValueIn(subject, model) == entry.second;
         });
}

int64_t NaiveFreezeEnd(const std::vector<Curb>& curbs, const Subject& subject,
                       std::string_view model, int64_t now_us) {
  int64_t until_us = 0;
  for (const Curb& curb : curbs) {
    if (curb.freeze && Concerns(curb, subject, model, now_us)) {
      until_us = std::max(until_us, curb.until_us);
    }
  }
  return until_us;
}

// Share and end.
std::pair<int, int64_t> NaiveThrottle(const std::vector<Curb>& curbs, const Limit& limit,
                                      const Subject& subject, std::string_view model,
                                      int64_t now_us) {
  std::pair<int, int64_t> least = {1'000, 0};
  for (const Curb& curb : curbs) {
    if (curb.freeze || !Concerns(curb, subject, model, now_us)) continue;
    if (!curb.limit_id.empty() && curb.limit_id != limit.id) continue;
    const bool within = std::ranges::all_of(curb.scope, [&](const auto& entry) {
      return entry.first == Dim("org") ||
             std::ranges::find(limit.per, entry.first) != limit.per.end();
    });
    if (!within || curb.share_permille > least.first) continue;
    const bool lower = curb.share_permille < least.first;
    least = {curb.share_permille, lower ? curb.until_us : std::max(least.second, curb.until_us)};
  }
  return least;
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  bool OneIn(int n) { return Below(n) == 0; }
  // Few, so that much matches.
  std::string Value() { return absl::StrCat("v", Below(3)); }
  std::string LimitId() { return absl::StrCat("l", Below(3)); }
  std::vector<Dimension> Dimensions() {
    std::vector<Dimension> dimensions;
    for (const char* name : {"org", "team", "user", "model", "labels.a"}) {
      if (OneIn(3)) dimensions.push_back(Dim(name));
    }
    std::shuffle(dimensions.begin(), dimensions.end(), random_);
    return dimensions;
  }
  Curb AnyCurb(int64_t alert) {
    Curb curb;
    curb.alert = alert;
    curb.freeze = OneIn(2);
    if (!curb.freeze) curb.share_permille = 1 + Below(5);
    if (!curb.freeze && OneIn(3)) curb.limit_id = LimitId();
    for (Dimension& dimension : Dimensions()) {
      curb.scope.emplace_back(std::move(dimension), Value());
    }
    curb.from_us = Below(20);
    curb.until_us = curb.from_us + Below(20);
    return curb;
  }
  Subject AnySubject() {
    Subject subject{Value(), "", "", "", "", Value(), {}};
    if (!OneIn(3)) subject.team = Value();
    if (!OneIn(3)) subject.user = Value();
    if (!OneIn(3)) subject.labels = {{"a", Value()}};
    return subject;
  }

 private:
  std::mt19937_64 random_;
};

TEST(CurbsTest, FindsWhatGoingThroughAllFinds) {
  const uint64_t first = std::random_device()();
  int frozen = 0, throttled = 0, calls = 0;
  for (uint64_t seed = first; seed < first + 500; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Generator generator(seed);
    std::vector<Curb> list;
    for (int64_t alert = 1 + generator.Below(40); alert > 0; --alert) {
      list.push_back(generator.AnyCurb(alert));
    }
    const Curbs curbs(list);
    for (int i = 0; i < 100; ++i) {
      const Subject subject = generator.AnySubject();
      const std::string model = generator.Value();
      const int64_t now_us = generator.Below(40);
      const Curb* const freeze = curbs.Freeze(subject, model, now_us);
      ASSERT_EQ(freeze == nullptr ? 0 : freeze->until_us,
                NaiveFreezeEnd(list, subject, model, now_us));
      ASSERT_TRUE(freeze == nullptr || Concerns(*freeze, subject, model, now_us));
      Limit limit = DailyLimit(generator.LimitId(), {}, 10);
      limit.per = generator.Dimensions();
      const Curb* const throttle = curbs.Throttle(limit, subject, model, now_us);
      const std::pair<int, int64_t> found =
          throttle == nullptr ? std::pair<int, int64_t>(1'000, 0)
                              : std::pair(throttle->share_permille, throttle->until_us);
      ASSERT_EQ(found, NaiveThrottle(list, limit, subject, model, now_us));
      frozen += freeze != nullptr;
      throttled += throttle != nullptr;
      ++calls;
    }
  }
  // The generator makes what the test is about.
  EXPECT_GT(frozen, calls / 10);
  EXPECT_LT(frozen, calls * 9 / 10);
  EXPECT_GT(throttled, calls / 20);
  EXPECT_LT(throttled, calls * 9 / 10);
}

}  // namespace
}  // namespace quotaplane
