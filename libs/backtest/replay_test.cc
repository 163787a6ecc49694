// The replay against an oracle that keeps every charge and adds them up again each time.
#include "libs/backtest/replay.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "libs/backtest/test_random_past.h"

namespace quotaplane {
namespace {

// What a limit's unit counts of an attempt. Written out here, so that it is said twice.
int64_t Counted(const Unit& unit, const PastAttempt& attempt) {
  std::map<std::string, int64_t> used(attempt.usage.begin(), attempt.usage.end());
  switch (unit.kind) {
    case UnitKind::kUsd:
      return attempt.cost_nano_usd;
    case UnitKind::kRequests:
      return 1;
    case UnitKind::kInputTokens:
      return used["input"];
    case UnitKind::kOutputTokens:
      return used["output"];
    case UnitKind::kTotalTokens:
      return used["input"] + used["cache_read"] + used["output"];
    default:
      return used[unit.meter];
  }
}

class NaiveReplay {
 public:
  explicit NaiveReplay(const Policy& policy) : policy_(policy) {}

  std::map<std::string, int64_t> refused, exceeded;
  std::set<std::string> scopes;

  bool Judge(const PastCharge& charge) {
    const std::string& model = charge.subject.model;
    bool refuses = false;
    if (const ModelRule* rule = policy_.RefusingRule(charge.subject, model)) {
      ++refused[rule->id];
      refuses = true;
    }
    std::vector<AppliedLimit> applied;
    if (!refuses) policy_.Match(charge.subject, model, &applied);
    for (const AppliedLimit& one : applied) {
      const Limit& limit = *one.limit;
      int64_t need = limit.unit.kind == UnitKind::kRequests ? 1 : 0;
      if (need == 0) {
        for (const PastAttempt& attempt : charge.attempts) need += Counted(limit.unit, attempt);
      }
      const bool holds = limit.hold == HoldMode::kEstimate;
      const bool free = limit.unit.kind == UnitKind::kUsd && model == "gift";
      if (limit.on_exceed == OnExceed::kDowngrade && limit.downgrade_model == model) continue;
      if (holds ? need == 0 : free) continue;
      const int64_t used = Used(one, charge.at_us);
      if (holds ? used + need <= one.amount : used < one.amount) continue;
      if (limit.on_exceed == OnExceed::kSoft || limit.on_exceed == OnExceed::kShadow) {
        ++exceeded[limit.id];
      } else {
        ++refused[limit.id];
        scopes.insert(limit.id + ScopeString(limit, charge.subject, model));
        refuses = true;
      }
    }
    if (!refuses) kept_.push_back(charge);
    return refuses;
  }
  void Count(const PastCharge& charge) { kept_.push_back(charge); }

 private:
  int64_t Used(const AppliedLimit& at, int64_t now_us) const {
    const WindowSpec& window = at.limit->window;
    int64_t sum = 0;
    for (const PastCharge& charge : kept_) {
      if (window.kind == WindowKind::kSliding &&
          SlotAt(window, charge.at_us) < SlotAt(window, now_us) - kSlots) {
        continue;
      }
      if (window.kind == WindowKind::kCalendar &&
          charge.at_us < PeriodAt(window, now_us).start_us) {
        continue;
      }
      sum += AddedTo(at, charge);
    }
    return sum;
  }

  int64_t AddedTo(const AppliedLimit& at, const PastCharge& charge) const {
    std::vector<PastAttempt> attempts = charge.attempts;
    if (attempts.empty()) attempts.push_back({charge.subject.model, 0, {}});
    int64_t sum = 0;
    for (const PastAttempt& attempt : attempts) {
      std::vector<AppliedLimit> applied;
      policy_.Match(charge.subject, attempt.model, &applied);
      const bool counts = std::any_of(applied.begin(), applied.end(), [&](const AppliedLimit& one) {
        return one.counter == at.counter;
      });
      if (!counts) continue;
      if (at.limit->unit.kind == UnitKind::kRequests) return 1;
      sum += Counted(at.limit->unit, attempt);
    }
    return sum;
  }

  const Policy& policy_;
  std::vector<PastCharge> kept_;
};

std::map<std::string, int64_t> By(const std::vector<BacktestLimit>& limits,
                                  const std::vector<BacktestLimit>& rules,
                                  int64_t BacktestLimit::*number) {
  std::map<std::string, int64_t> by;
  for (const std::vector<BacktestLimit>* list : {&limits, &rules}) {
    for (const BacktestLimit& one : *list) {
      if (one.*number > 0) by[one.limit_id] = one.*number;
    }
  }
  return by;
}

TEST(Replay, AgreesWithTheOracle) {
  constexpr int kSeeds = 300;
  constexpr int kCharges = 120;
  int64_t refused = 0, admitted = 0, exceeded = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomPast past(seed);
    const std::shared_ptr<const Policy> policy = past.MakePolicy();
    ASSERT_NE(policy, nullptr);
    Replay replay(policy.get());
    NaiveReplay naive(*policy);
    const int64_t before = past.Pick(kCharges / 2);
    for (int i = 0; i < kCharges; ++i) {
      const PastCharge charge = past.MakeCharge();
      if (i < before) {
        ASSERT_TRUE(replay.Count(charge).ok());
        naive.Count(charge);
        continue;
      }
      const absl::StatusOr<bool> verdict = replay.Judge(charge);
      ASSERT_TRUE(verdict.ok()) << verdict.status();
      ASSERT_EQ(*verdict, naive.Judge(charge)) << "charge " << i;
      ++(*verdict ? refused : admitted);
    }
    const BacktestResult result = replay.Result();
    EXPECT_EQ(By(result.limits, result.model_rules, &BacktestLimit::refused), naive.refused);
    EXPECT_EQ(By(result.limits, result.model_rules, &BacktestLimit::exceeded), naive.exceeded);
    int64_t scopes = 0;
    for (const BacktestLimit& limit : result.limits) {
      scopes += limit.scopes_refused;
      exceeded += limit.exceeded;
    }
    EXPECT_EQ(scopes, static_cast<int64_t>(naive.scopes.size()));
  }
  // Traffic that is hardly ever refused, or always, would prove nothing.
  EXPECT_GT(refused, kSeeds * kCharges / 20);
  EXPECT_GT(admitted, kSeeds * kCharges / 5);
  EXPECT_GT(exceeded, kSeeds);
}

PastCharge Spend(const std::string& user, int64_t usd, int64_t at_us) {
  PastCharge charge;
  charge.at_us = at_us;
  charge.subject = {"acme", "search", "", user, "", "big", {}};
  charge.cost_nano_usd = usd * 1'000'000'000;
  charge.attempts = {{"big", charge.cost_nano_usd, {{"input", usd}}}};
  return charge;
}

std::shared_ptr<const Policy> OneLimit(int64_t usd) {
  Limit limit;
  limit.id = "user-ever";
  limit.per = {Dim("user")};
  limit.amount = usd * 1'000'000'000;
  PolicyDocument document;
  document.limits.push_back(limit);
  limit.id = "at-once";
  limit.unit = *ParseUnit("concurrency");
  document.limits.push_back(limit);
  return *Policy::Build(std::move(document));
}

TEST(Replay, SaysWhoAndHowMuch) {
  const std::shared_ptr<const Policy> policy = OneLimit(10);
  Replay replay(policy.get());
  EXPECT_FALSE(*replay.Judge(Spend("alice", 6, 1)));
  EXPECT_TRUE(*replay.Judge(Spend("alice", 5, 2)));
  EXPECT_FALSE(*replay.Judge(Spend("alice", 4, 3)));  // what was refused was not spent
  EXPECT_TRUE(*replay.Judge(Spend("bob", 11, 4)));
  EXPECT_TRUE(*replay.Judge(Spend("alice", 1, 5)));
  const BacktestResult result = replay.Result();
  EXPECT_EQ(result.charges, 5);
  EXPECT_EQ(result.cost_nano_usd, 27'000'000'000);
  EXPECT_EQ(result.refused, 3);
  EXPECT_EQ(result.refused_cost_nano_usd, 17'000'000'000);
  EXPECT_EQ(result.users_refused, 2);
  EXPECT_EQ(result.limits_not_replayed, std::vector<std::string>{"at-once"});
  EXPECT_FALSE(result.scopes_incomplete);
  ASSERT_EQ(result.limits.size(), 1u);
  const BacktestLimit& limit = result.limits[0];
  EXPECT_EQ(limit.limit_id, "user-ever");
  EXPECT_EQ(limit.unit, "usd");
  EXPECT_EQ(limit.refused, 3);
  EXPECT_EQ(limit.first_us, 2);
  EXPECT_EQ(limit.scopes_refused, 2);
  ASSERT_EQ(limit.scopes.size(), 2u);
  EXPECT_EQ(limit.scopes[0].scope, "{org=acme, user=alice}");
  EXPECT_EQ(limit.scopes[0].refused, 2);
  EXPECT_EQ(limit.scopes[0].refused_cost_nano_usd, 6'000'000'000);
  EXPECT_EQ(limit.scopes[0].first_us, 2);
  EXPECT_EQ(limit.scopes[1].scope, "{org=acme, user=bob}");
}

TEST(Replay, ListsTheScopesRefusedMost) {
  const std::shared_ptr<const Policy> policy = OneLimit(0);
  Replay replay(policy.get());
  for (int user = 1; user <= 30; ++user) {
    for (int i = 0; i < user; ++i) {
      EXPECT_TRUE(*replay.Judge(Spend("u" + std::to_string(user), 1, i)));
    }
  }
  const BacktestLimit limit = replay.Result().limits.at(0);
  EXPECT_EQ(limit.scopes_refused, 30);
  ASSERT_EQ(limit.scopes.size(), kMaxBacktestScopes);
  EXPECT_EQ(limit.scopes.front().scope, "{org=acme, user=u30}");
  EXPECT_EQ(limit.scopes.back().scope, "{org=acme, user=u11}");
}

TEST(RefusalTally, KeepsSumsWhenThereIsNoRoomForScopes) {
  RefusalTally tally;
  size_t room = 1;
  tally.Refused(HashOf("a"), 1, 10, &room, [] { return "a"; });
  EXPECT_FALSE(tally.incomplete());
  tally.Refused(HashOf("b"), 2, 10, &room, [] { return "b"; });
  tally.Refused(HashOf("a"), 3, 10, &room, [] { return "a"; });
  EXPECT_TRUE(tally.incomplete());
  const BacktestLimit report = tally.Report();
  EXPECT_EQ(report.refused, 3);
  EXPECT_EQ(report.refused_cost_nano_usd, 30);
  EXPECT_EQ(report.scopes_refused, 1);
  EXPECT_EQ(report.scopes.at(0).refused, 2);
}

}  // namespace
}  // namespace quotaplane
