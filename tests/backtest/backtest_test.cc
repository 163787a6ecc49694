// Backtests over both databases, of a month whose refusals were worked out by hand.
#include "libs/backtest/backtest.h"

#include "libs/ledger/adjuster.h"
#include "tests/backtest/past_fixture.h"

namespace quotaplane {
namespace {

constexpr char kPolicy[] = R"(
defaults: {on_outage: deny}
limits:
  - {id: user-day, per: [user], unit: usd, amount: 10, window: day}
  - {id: team-month, per: [team], unit: usd, amount: 100, window: month, on_exceed: soft}
  - {id: project-ever, per: [project], unit: usd, amount: 50, window: lifetime}
  - {id: agent-requests, per: [labels.agent], unit: requests, amount: 1, window: month}
  - {id: at-once, per: [user], unit: concurrency, amount: 1}
models:
  - {id: interns, when: {team: interns}, deny: ["big*"]}
)";

class BacktestTest : public PastTest {
 protected:
  BacktestTest() : policy_(PolicyOf(kPolicy)) {}

  void WriteMarch() {
    for (int64_t day = 0; day < 31; ++day) {
      const int64_t at_us = From() + day * 24 * kHourUs;
      // 12 of 10 USD: the third is refused, so the team spends 9 a day and passes 100 on the 12th.
      for (int64_t hour : {9, 10, 11}) Spend(Person("alice", "search"), 4, at_us + hour * kHourUs);
      Spend(Person("bob", "search"), 1, at_us + 12 * kHourUs);
      Spend(Person("carol", "interns"), 5, at_us + 13 * kHourUs);  // refused by the rule
    }
    // 30 + 8 + 7, 6 too many, 5 fit, 1 too many.
    Spend(Dave(), 30, At("2025-12-01 00:00"));
    Spend(Dave(), 8, At("2026-03-01 01:00"));
    Spend(Dave(), 7, At("2026-03-02 01:00"));
    Spend(Dave(), 6, At("2026-03-03 01:00"));
    Spend(Dave(), 5, At("2026-03-04 01:00"));
    Spend(Dave(), 1, At("2026-03-05 01:00"));
    // None of these counts: another org, and the first instant after March.
    Subject other = Person("alice", "search");
    other.org = "other";
    Spend(other, 500, At("2026-03-01 08:00"));
    Spend(Person("alice", "search"), 500, To());
    Write();
  }
  static Subject Dave() { return {"acme", "", "p9", "dave", "", "big", {}}; }
  static int64_t From() { return At("2026-03-01 00:00"); }
  static int64_t To() { return At("2026-04-01 00:00"); }

  absl::StatusOr<BacktestResult> Run(int64_t from_us) {
    return RunBacktest(*db_, {"acme", policy_.get(), from_us, To()},
                       [&](const BacktestProgress& p) {
                         progress_.push_back(p);
                         return true;
                       });
  }

  static constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;
  const std::shared_ptr<const Policy> policy_;
  std::vector<BacktestProgress> progress_;
};

TEST_P(BacktestTest, AMonthWorkedOutByHand) {
  WriteMarch();
  const absl::StatusOr<BacktestResult> result = Run(From());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->from_us, From());
  EXPECT_EQ(result->to_us, To());
  EXPECT_EQ(result->counted_from_us, At("2025-12-01 00:00"));
  EXPECT_EQ(result->charges, 31 * 5 + 5);
  EXPECT_EQ(result->entries, 31 * 5 + 6);
  EXPECT_EQ(result->cost_nano_usd, (31 * 18 + 27) * kUsd);
  EXPECT_EQ(result->refused, 31 + 31 + 2);
  EXPECT_EQ(result->refused_cost_nano_usd, (124 + 155 + 7) * kUsd);
  EXPECT_EQ(result->users_refused, 3);
  EXPECT_EQ(result->limits_not_replayed, std::vector<std::string>{"at-once"});
  EXPECT_TRUE(result->limits_undercounted.empty());

  ASSERT_EQ(result->limits.size(), 3u);
  const BacktestLimit& day = result->limits[0];
  EXPECT_EQ(day.limit_id, "user-day");
  EXPECT_EQ(day.refused, 31);
  EXPECT_EQ(day.refused_cost_nano_usd, 124 * kUsd);
  EXPECT_EQ(day.first_us, At("2026-03-01 11:00"));
  ASSERT_EQ(day.scopes.size(), 1u);
  EXPECT_EQ(day.scopes[0].scope, "{org=acme, user=alice}");
  const BacktestLimit& month = result->limits[1];
  EXPECT_EQ(month.limit_id, "team-month");
  EXPECT_EQ(month.refused, 0);
  // What another limit refuses exceeds this one, too: on the 11th the third of alice would, at 98.
  EXPECT_EQ(month.exceeded, 1 + 20 * 4);
  EXPECT_EQ(month.first_us, At("2026-03-11 11:00"));
  const BacktestLimit& ever = result->limits[2];
  EXPECT_EQ(ever.limit_id, "project-ever");
  EXPECT_EQ(ever.refused, 2);
  EXPECT_EQ(ever.scopes.at(0).scope, "{org=acme, project=p9}");
  EXPECT_EQ(ever.scopes.at(0).refused_cost_nano_usd, 7 * kUsd);
  ASSERT_EQ(result->model_rules.size(), 1u);
  EXPECT_EQ(result->model_rules[0].limit_id, "interns");
  EXPECT_EQ(result->model_rules[0].refused, 31);
  EXPECT_EQ(result->model_rules[0].scopes.at(0).scope,
            "{org=acme, team=interns, user=carol, model=big}");
}

TEST_P(BacktestTest, ProgressNeverFalls) {
  // More than one batch.
  for (int i = 0; i < 5'000; ++i) {
    Spend(Person("u" + std::to_string(i % 7), "search"), 1, From() + int64_t{i} * 500'000'000);
  }
  Write();
  const absl::StatusOr<BacktestResult> result = Run(From());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->entries, 5'000);
  ASSERT_GE(progress_.size(), 2u);
  EXPECT_EQ(progress_.front().entries, 0);
  EXPECT_EQ(progress_.back().entries, 5'000);
  EXPECT_GT(progress_.back().progress, 0.9);
  EXPECT_LE(progress_.back().progress, 1.0);
  for (size_t i = 1; i < progress_.size(); ++i) {
    EXPECT_GE(progress_[i].progress, progress_[i - 1].progress);
    EXPECT_GE(progress_[i].entries, progress_[i - 1].entries);
  }
}

TEST_P(BacktestTest, StopsWhenTold) {
  for (int i = 0; i < 20'000; ++i) Spend(Person("alice", "search"), 1, From() + i);
  Write();
  const BacktestArgs args = {"acme", policy_.get(), From(), To()};
  EXPECT_EQ(RunBacktest(*db_, args, [](const BacktestProgress&) { return false; }).status().code(),
            absl::StatusCode::kCancelled);
  int calls = 0;
  const auto later = RunBacktest(*db_, args, [&](const BacktestProgress&) { return ++calls < 2; });
  EXPECT_EQ(later.status().code(), absl::StatusCode::kCancelled);
  // The connection is as good as before.
  EXPECT_EQ(Run(From())->charges, 20'000);
}

TEST_P(BacktestTest, LabelsCountWhereThePolicyNamesThem) {
  Subject labelled = Person("alice", "search");
  labelled.labels = {{"agent", "say \"hi\""}, {"session", "s1"}};
  Spend(labelled, 1, At("2026-03-01 01:00"));
  labelled.labels[1].second = "s2";
  Spend(labelled, 1, At("2026-03-01 02:00"));
  Write();
  const absl::StatusOr<BacktestResult> result = Run(From());
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->limits.size(), 1u);
  EXPECT_EQ(result->limits[0].limit_id, "agent-requests");
  EXPECT_EQ(result->limits[0].scopes.at(0).scope, "{org=acme, labels.agent=say \"hi\"}");
}

TEST_P(BacktestTest, SaysWhatRetentionHasTakenAway) {
  WriteMarch();
  DropBefore(At("2026-02-01 00:00"));
  const absl::StatusOr<BacktestResult> result = Run(At("2026-01-01 00:00"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->from_us, At("2026-02-01 00:00"));
  EXPECT_EQ(result->counted_from_us, At("2026-02-01 00:00"));
  EXPECT_EQ(result->limits_undercounted, std::vector<std::string>{"project-ever"});
  // Without the 30 of December, dave is never over.
  EXPECT_EQ(result->refused, 31 + 31);
}

TEST_P(BacktestTest, CorrectionsChangeNothing) {
  const std::string first = Spend(Person("alice", "search"), 6, At("2026-03-01 01:00"));
  Spend(Person("alice", "search"), 6, At("2026-03-01 03:00"));
  Write();
  Adjustment adjustment;
  adjustment.org = "acme";
  adjustment.id = "a1";
  adjustment.reservation_id = first;
  adjustment.take_back_all = true;
  adjustment.reason = "counted twice";
  adjustment.actor = "finance";
  const auto adjusted = Adjuster(db_.get()).Adjust(adjustment, At("2026-03-01 02:00"));
  ASSERT_TRUE(adjusted.ok()) << adjusted.status();
  EXPECT_EQ(Run(From())->refused, 1);
}

TEST_P(BacktestTest, NothingToReplay) {
  const absl::StatusOr<BacktestResult> result = Run(From());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->charges, 0);
  EXPECT_EQ(result->entries, 0);
  EXPECT_TRUE(result->limits.empty());
}

QP_OVER_BOTH_DATABASES(BacktestTest);

}  // namespace
}  // namespace quotaplane
