// Plans over both databases.
#include "libs/backtest/plan.h"

#include <gmock/gmock.h>

#include "libs/ledger/adjuster.h"
#include "tests/backtest/past_fixture.h"

namespace quotaplane {
namespace {

constexpr char kBefore[] = R"(
defaults: {on_outage: deny}
limits:
  - {id: user-month, per: [user], unit: usd, amount: 100, window: month}
  - {id: org-month, per: [], unit: usd, amount: 1000, window: month}
  - {id: old-name, per: [project], unit: usd, amount: 70, window: month}
)";
constexpr char kAfter[] = R"(
defaults: {on_outage: deny}
limits:
  - {id: user-month, per: [user], unit: usd, amount: 50, window: month,
     overrides: [{user: alice, amount: 200}, {user: erin, amount: 100}]}
  - {id: org-month, per: [], unit: usd, amount: 1000, window: month}
  - {id: new-name, per: [project], unit: usd, amount: 60, window: month}
  - {id: team-days, per: [team], unit: usd, amount: 10, window: 2d, on_exceed: shadow}
  - {id: team-requests, per: [team], unit: requests, amount: 40, window: lifetime}
  - {id: user-minute, per: [user], unit: usd, amount: 1, window: 60s}
  - {id: user-hour, per: [user], unit: usd, amount: 1, window: 1h}
  - {id: at-once, per: [user], unit: concurrency, amount: 1}
)";

class PlanTest : public PastTest {
 protected:
  PlanTest() : before_(PolicyOf(kBefore)), after_(PolicyOf(kAfter)) {}

  static int64_t Now() { return At("2026-03-15 12:00"); }
  void WriteUsage() {
    Spend(Person("alice", "search"), 60, At("2026-03-02 00:00"));
    bob_ = Spend(Person("bob", "search"), 45, At("2026-03-03 00:00"));
    Spend(Person("bob", "search"), 15, Now());
    Spend(Person("carol", "ads"), 20, At("2026-03-05 00:00"));
    Spend(Person("erin", "ads"), 90, At("2026-03-05 00:00"));     // 100 as before
    Spend(Person("bob", "search"), 500, At("2026-02-28 23:59"));  // another month
    Spend(Person("carol", "ads"), 500, Now() + 1);                // after it was asked for
    Spend({"acme", "", "p1", "", "", "big", {}}, 30, At("2026-03-06 00:00"));
    Subject other = Person("alice", "search");
    other.org = "other";
    Spend(other, 900, At("2026-03-05 00:00"));
    Write();
  }
  PolicyPlan Plan(const Policy& before, const Policy& after) {
    const auto plan = PlanPolicy(*db_, {"acme", &before, &after, Now()}, [] { return true; });
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plan.value_or(PolicyPlan());
  }
  // "LIMIT SCOPE BEFORE->AFTER USED", "new" where there was none, "!" at once over.
  static std::vector<std::string> Lines(const PolicyPlan& plan) {
    std::vector<std::string> lines;
    for (const PlannedScope& one : plan.scopes) {
      const int64_t unit = one.unit == "usd" ? kUsd : 1;
      lines.push_back(one.limit_id + " " + one.scope + " " +
                      (one.had_limit ? std::to_string(one.amount_before / unit) : "new") + "->" +
                      std::to_string(one.amount_after / unit) + " " +
                      std::to_string(one.used / unit) + (one.over_at_once ? "!" : ""));
    }
    return lines;
  }

  const std::shared_ptr<const Policy> before_, after_;
  std::string bob_;
};

TEST_P(PlanTest, WhoGetsAnotherAmountAndWhoIsOver) {
  WriteUsage();
  const PolicyPlan plan = Plan(*before_, *after_);
  EXPECT_EQ(Lines(plan), (std::vector<std::string>{
                             "user-month {org=acme, user=bob} 100->50 60!",
                             "team-days {org=acme, team=search} new->10 15",
                             "new-name {org=acme, project=p1} 70->60 30",
                             "user-month {org=acme, user=carol} 100->50 20",
                             "user-month {org=acme, user=alice} 100->200 60",
                             "team-requests {org=acme, team=search} new->40 4",
                             "team-requests {org=acme, team=ads} new->40 2",
                         }));
  EXPECT_EQ(plan.over_at_once, 1);
  EXPECT_EQ(plan.unlisted_scopes, 0);
  EXPECT_EQ(plan.as_of_us, Now());
  EXPECT_TRUE(plan.limits_undercounted.empty());
  EXPECT_EQ(plan.scopes[0].window, "month UTC");
  EXPECT_EQ(plan.scopes[0].unit, "usd");
}

TEST_P(PlanTest, CorrectionsCountOnceTheCountersHaveThem) {
  WriteUsage();
  Adjustment adjustment;
  adjustment.org = "acme";
  adjustment.id = "a1";
  adjustment.reservation_id = bob_;
  adjustment.line = 0;
  adjustment.cost_nano_usd = -20 * kUsd;
  adjustment.reason = "counted twice";
  adjustment.actor = "finance";
  const auto adjusted = Adjuster(db_.get()).Adjust(adjustment, Now());
  ASSERT_TRUE(adjusted.ok()) << adjusted.status();
  EXPECT_EQ(Plan(*before_, *after_).over_at_once, 1);
  Must("UPDATE ledger_moves SET applied_at_us = 1");
  const PolicyPlan plan = Plan(*before_, *after_);
  EXPECT_EQ(plan.over_at_once, 0);
  // Of a request, a correction is none.
  const std::vector<std::string> lines = Lines(plan);
  EXPECT_THAT(lines, testing::Contains("user-month {org=acme, user=bob} 100->50 40"));
  EXPECT_THAT(lines, testing::Contains("team-requests {org=acme, team=search} new->40 4"));
}

TEST_P(PlanTest, TheSamePolicyChangesNothing) {
  WriteUsage();
  const PolicyPlan plan = Plan(*after_, *PolicyOf(kAfter));
  EXPECT_TRUE(plan.scopes.empty());
  EXPECT_EQ(plan.over_at_once, 0);
}

TEST_P(PlanTest, ListsAThousandAndCountsTheRest) {
  for (int i = 0; i < 1'100; ++i) {
    Spend(Person("u" + std::to_string(i), "search"), i < 1'050 ? 60 : 1, At("2026-03-05 00:00"));
  }
  Write();
  const PolicyPlan plan = Plan(*before_, *PolicyOf(R"(
defaults: {on_outage: deny}
limits:
  - {id: user-month, per: [user], unit: usd, amount: 50, window: month}
)"));
  EXPECT_EQ(plan.scopes.size(), kMaxPlannedScopes);
  EXPECT_EQ(plan.unlisted_scopes, 100);
  EXPECT_EQ(plan.over_at_once, 1'050);
  EXPECT_TRUE(plan.scopes.back().over_at_once);
}

TEST_P(PlanTest, SaysWhatRetentionHasTakenAway) {
  WriteUsage();
  DropBefore(At("2026-03-01 00:00"));
  const PolicyPlan plan = Plan(*before_, *after_);
  EXPECT_EQ(plan.limits_undercounted, std::vector<std::string>{"team-requests"});
  EXPECT_EQ(plan.over_at_once, 1);
}

TEST_P(PlanTest, StopsWhenTold) {
  WriteUsage();
  const PlanArgs args = {"acme", before_.get(), after_.get(), Now()};
  EXPECT_EQ(PlanPolicy(*db_, args, [] { return false; }).status().code(),
            absl::StatusCode::kCancelled);
}

QP_OVER_BOTH_DATABASES(PlanTest);

}  // namespace
}  // namespace quotaplane
