// Corrections by hand: never more than there is, once, and as entries of their own.
#include "libs/ledger/adjuster.h"

#include <atomic>
#include <functional>
#include <thread>

#include "absl/strings/match.h"
#include "libs/base/error.h"
#include "libs/ledger/audit.h"
#include "libs/reports/export.h"
#include "libs/reports/focus.h"
#include "tests/ledger/ledger_fixture.h"

namespace quotaplane {
namespace {

constexpr int64_t kNowUs = kMonthEndUs + 3'600'000'000;

class AdjusterTest : public LedgerTest {
 protected:
  AdjusterTest() : adjuster_(db_.get()) {}

  // r1: lines of 303, 10 and 25 nano-USD, of 101, 10 and 5 units.
  void WriteOne() { ASSERT_TRUE(writer_.Write(std::vector{SettledOf(1)}, 1).ok()); }

  static Adjustment Of(const std::string& id) {
    Adjustment adjustment;
    adjustment.org = "acme";
    adjustment.id = id;
    adjustment.reservation_id = "r1";
    adjustment.reason = "asked twice";
    adjustment.actor = "finance";
    return adjustment;
  }
  static Adjustment Cost(const std::string& id, int64_t cost) {
    Adjustment adjustment = Of(id);
    adjustment.cost_nano_usd = cost;
    return adjustment;
  }
  static Adjustment All(const std::string& id) {
    Adjustment adjustment = Of(id);
    adjustment.take_back_all = true;
    return adjustment;
  }
  AdjustOutcome MustAdjust(const Adjustment& adjustment) {
    const auto outcome = adjuster_.Adjust(adjustment, kNowUs);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.value_or(AdjustOutcome{});
  }
  std::string ReasonFor(const Adjustment& adjustment, absl::StatusCode code) {
    const absl::Status status = adjuster_.Adjust(adjustment, kNowUs).status();
    EXPECT_EQ(status.code(), code) << status;
    return ReasonOf(status).value_or("");
  }
  int64_t CostOf(const std::string& table) {
    return Count("SELECT COALESCE(SUM(cost_nano_usd), 0) FROM " + table);
  }
  void ExpectSums(int64_t cost) {
    EXPECT_EQ(CostOf("ledger_entries"), cost);
    EXPECT_EQ(CostOf("rollup_hour"), cost);
    EXPECT_EQ(CostOf("rollup_day"), cost);
    EXPECT_EQ(Count("SELECT SUM(requests) FROM rollup_day"), 1);
  }

  Adjuster adjuster_;
};
QP_OVER_BOTH_DATABASES(AdjusterTest);

TEST_P(AdjusterTest, TakesBackAPartOfALine) {
  WriteOne();
  Adjustment adjustment = Cost("a1", -30);
  adjustment.line = 0;
  adjustment.quantity = -10;
  const AdjustOutcome outcome = MustAdjust(adjustment);
  EXPECT_FALSE(outcome.replayed);
  EXPECT_EQ(outcome.occurred_at_us, kMonthEndUs);
  ASSERT_EQ(outcome.lines.size(), 1u);
  EXPECT_EQ(outcome.lines[0].quantity_left, 91);
  EXPECT_EQ(outcome.lines[0].cost_left_nano_usd, 273);
  EXPECT_EQ(outcome.cost_nano_usd, -30);
  EXPECT_EQ(outcome.cost_left_nano_usd, 308);
  ExpectSums(308);
  // The entry is of its own time, and says whose it is and what it corrects.
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries WHERE kind = 'correction' AND line = 0 AND "
                  "occurred_at_us = " +
                  std::to_string(kNowUs) + " AND corrected_at_us = " + std::to_string(kMonthEndUs) +
                  " AND user_name = 'u1' AND cost_center = "
                  "'cc-search' AND meter = 'input' AND quantity = -10 AND cost_nano_usd = -30 AND "
                  "reason = 'asked twice' AND labels LIKE '%session%' AND corrected_by = "
                  "'adjustment'"),
            1);
  // What was, stays.
  EXPECT_EQ(Count("SELECT SUM(cost_nano_usd) FROM ledger_entries WHERE kind = 'usage'"), 338);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_moves WHERE applied_at_us IS NULL"), 1);
}

TEST_P(AdjusterTest, SpreadsOverTheLinesByWhatTheyCost) {
  WriteOne();
  const AdjustOutcome outcome = MustAdjust(Cost("a1", -100));
  ASSERT_EQ(outcome.lines.size(), 3u);
  EXPECT_EQ(outcome.lines[0].cost_nano_usd, -90);  // 100 * 303 / 338 = 89.6
  EXPECT_EQ(outcome.lines[1].cost_nano_usd, -3);   // 2.96
  EXPECT_EQ(outcome.lines[2].cost_nano_usd, -7);   // 7.4
  EXPECT_EQ(outcome.cost_nano_usd, -100);
  ExpectSums(238);
  // All but a nano, and then the nano: no line goes below 0 on the way.
  MustAdjust(Cost("a2", -237));
  ExpectSums(1);
  MustAdjust(Cost("a3", -1));
  ExpectSums(0);
  EXPECT_EQ(ReasonFor(Cost("a4", -1), absl::StatusCode::kFailedPrecondition), "NOTHING_LEFT");
  // What costs nothing any more takes an addition on its first line.
  EXPECT_EQ(MustAdjust(Cost("a5", 5)).lines[0].cost_left_nano_usd, 5);
  ExpectSums(5);
}

TEST_P(AdjusterTest, TakesBackAllThatIsLeftOnce) {
  WriteOne();
  MustAdjust(Cost("a1", -38));
  const AdjustOutcome outcome = MustAdjust(All("a2"));
  EXPECT_EQ(outcome.cost_nano_usd, -300);
  EXPECT_EQ(outcome.cost_left_nano_usd, 0);
  ExpectSums(0);
  EXPECT_EQ(Count("SELECT SUM(quantity) FROM rollup_day"), 0);
  EXPECT_EQ(ReasonFor(All("a3"), absl::StatusCode::kFailedPrecondition), "NOTHING_LEFT");
}

TEST_P(AdjusterTest, NeverMoreThanThereIs) {
  WriteOne();
  EXPECT_EQ(ReasonFor(Cost("a1", -339), absl::StatusCode::kFailedPrecondition), "MORE_THAN_LEFT");
  const absl::Status status = adjuster_.Adjust(Cost("a1", -339), kNowUs).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "0.000000338 USD are left")) << status;
  Adjustment line = Cost("a1", -26);
  line.line = 2;
  EXPECT_EQ(ReasonFor(line, absl::StatusCode::kFailedPrecondition), "MORE_THAN_LEFT");
  line.cost_nano_usd = 0;
  line.quantity = -6;
  EXPECT_EQ(ReasonFor(line, absl::StatusCode::kFailedPrecondition), "MORE_THAN_LEFT");
  line.quantity = kMaxCounterValue;
  EXPECT_EQ(ReasonFor(line, absl::StatusCode::kOutOfRange), "");
  ExpectSums(338);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_keys"), 1);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_audit"), 0);
  line.quantity = -5;
  EXPECT_EQ(MustAdjust(line).lines[0].quantity_left, 0);
}

TEST_P(AdjusterTest, TheSameAgainChangesNothingAndSaysTheSame) {
  WriteOne();
  const AdjustOutcome first = MustAdjust(Cost("a1", -30));
  Adjustment by_another = Cost("a1", -30);
  by_another.actor = "support";
  const AdjustOutcome again = MustAdjust(by_another);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.cost_nano_usd, -30);
  EXPECT_EQ(again.occurred_at_us, first.occurred_at_us);
  EXPECT_EQ(again.recorded_at_us, first.recorded_at_us);
  EXPECT_EQ(again.cost_left_nano_usd, 308);
  ASSERT_EQ(again.lines.size(), first.lines.size());
  EXPECT_EQ(again.lines[1].cost_nano_usd, first.lines[1].cost_nano_usd);
  EXPECT_EQ(again.lines[1].cost_left_nano_usd, first.lines[1].cost_left_nano_usd);
  ExpectSums(308);
  EXPECT_EQ(ReasonFor(Cost("a1", -31), absl::StatusCode::kAlreadyExists), "ADJUSTMENT_EXISTS");
  Adjustment other_reason = Cost("a1", -30);
  other_reason.reason = "another";
  EXPECT_EQ(ReasonFor(other_reason, absl::StatusCode::kAlreadyExists), "ADJUSTMENT_EXISTS");
  ASSERT_TRUE(writer_.Write(std::vector{SettledOf(2)}, 1).ok());
  Adjustment other_charge = Cost("a1", -30);
  other_charge.reservation_id = "r2";
  EXPECT_EQ(ReasonFor(other_charge, absl::StatusCode::kAlreadyExists), "ADJUSTMENT_EXISTS");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_audit"), 1);
}

TEST_P(AdjusterTest, SharesNoIdsWithCharges) {
  WriteOne();
  MustAdjust(Cost("r1", -1));
  ASSERT_TRUE(writer_.Write(std::vector{SettledOf(2)}, 1).ok());
  Adjustment of_a_correction = Cost("a2", -1);
  of_a_correction.reservation_id = "r2";
  MustAdjust(of_a_correction);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_keys"), 4);
}

TEST_P(AdjusterTest, WhatIsNotThereIsNotFound) {
  WriteOne();
  Adjustment adjustment = Cost("a1", -1);
  adjustment.reservation_id = "r9";
  EXPECT_EQ(ReasonFor(adjustment, absl::StatusCode::kNotFound), "");
  adjustment = Cost("a1", -1);
  adjustment.org = "other";
  EXPECT_EQ(ReasonFor(adjustment, absl::StatusCode::kNotFound), "");
  adjustment = Cost("a1", -1);
  adjustment.line = 3;
  EXPECT_EQ(ReasonFor(adjustment, absl::StatusCode::kNotFound), "");
}

TEST_P(AdjusterTest, ARequestWithoutUsageCanBeCharged) {
  SettledCharge none = SettledOf(1);
  none.charge.lines.clear();
  none.charge.cost_nano_usd = 0;
  ASSERT_TRUE(writer_.Write(std::vector{none}, 1).ok());
  EXPECT_EQ(ReasonFor(All("a1"), absl::StatusCode::kFailedPrecondition), "NOTHING_LEFT");
  EXPECT_EQ(MustAdjust(Cost("a2", 70)).cost_left_nano_usd, 70);
  ExpectSums(70);
}

TEST_P(AdjusterTest, BadInputNamesTheFieldAndChangesNothing) {
  WriteOne();
  const auto fields = [&](const std::function<void(Adjustment*)>& change) {
    Adjustment adjustment = Cost("a1", -1);
    change(&adjustment);
    const absl::Status status = adjuster_.Adjust(adjustment, kNowUs).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    std::string joined;
    for (const FieldViolation& one : FieldViolationsOf(status)) joined += one.field + " ";
    return joined;
  };
  EXPECT_EQ(fields([](Adjustment* a) { a->reason = ""; }), "reason ");
  EXPECT_EQ(fields([](Adjustment* a) { a->reason = std::string(513, 'x'); }), "reason ");
  EXPECT_EQ(fields([](Adjustment* a) { a->reason = "a\nb"; }), "reason ");
  EXPECT_EQ(fields([](Adjustment* a) { a->reason = "\xff"; }), "reason ");
  EXPECT_EQ(fields([](Adjustment* a) { a->org = a->id = a->reservation_id = ""; }),
            "org id reservation_id ");
  EXPECT_EQ(fields([](Adjustment* a) { a->id = std::string(129, 'x'); }), "id ");
  EXPECT_EQ(fields([](Adjustment* a) { a->actor = ""; }), "actor ");
  EXPECT_EQ(fields([](Adjustment* a) { a->line = -1; }), "line ");
  EXPECT_EQ(fields([](Adjustment* a) { a->take_back_all = true; }), "take_back_all ");
  EXPECT_EQ(fields([](Adjustment* a) { a->cost_nano_usd = 0; }), "cost_nano_usd ");
  EXPECT_EQ(fields([](Adjustment* a) { a->quantity = -1; }), "quantity ");
  ExpectSums(338);
  Adjustment longest = Cost(std::string(128, 'x'), -1);
  longest.reason = std::string(512, 'x');
  MustAdjust(longest);
}

TEST_P(AdjusterTest, ManyAtOnceTakeNoMoreThanThereIs) {
  WriteOne();
  std::atomic<int> took = 0, refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto outcome = adjuster_.Adjust(Cost("a" + std::to_string(i), -100), kNowUs);
      if (outcome.ok()) ++took;
      if (ReasonOf(outcome.status()) == "MORE_THAN_LEFT") ++refused;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(took, 3);
  EXPECT_EQ(refused, 5);
  ExpectSums(38);
}

TEST_P(AdjusterTest, TheSameAtOnceIsMadeOnce) {
  WriteOne();
  ASSERT_TRUE(writer_.Write(std::vector{SettledOf(2)}, 1).ok());
  std::atomic<int> made = 0, replayed = 0, refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      Adjustment adjustment = Cost("a1", -10);
      if (i % 2 == 1) adjustment.reservation_id = "r2";
      const auto outcome = adjuster_.Adjust(adjustment, kNowUs);
      if (outcome.ok()) ++(outcome->replayed ? replayed : made);
      if (ReasonOf(outcome.status()) == "ADJUSTMENT_EXISTS") ++refused;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(replayed, 3);
  EXPECT_EQ(refused, 4);
}

TEST_P(AdjusterTest, IsAFocusCorrectionOfTheHourThatItCorrects) {
  WriteOne();
  Adjustment adjustment = Cost("a1", -30);
  adjustment.line = 0;
  adjustment.quantity = -10;
  MustAdjust(adjustment);
  std::string text;
  int64_t entries = 0;
  const auto keep = [&](const reports::ExportChunk& chunk) {
    text += chunk.data;
    entries = chunk.entries;
    return absl::OkStatus();
  };
  // Of April, in which it was made.
  const absl::Status status =
      reports::ExportEntries(*db_, {"acme", {kMonthEndUs + 500'000, kNowUs + 1}, {}},
                             reports::FocusWriter({}).get(), keep);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(entries, 1);
  EXPECT_TRUE(absl::StrContains(text,
                                "2026-05-01T00:00:00Z,2026-04-01T00:00:00Z,Usage,Correction,"
                                "\"Correction of big, input tokens: asked twice\",Usage-Based,"
                                "2026-04-01T00:00:00Z,2026-03-31T23:00:00Z,-10,Tokens,"))
      << text;
}

TEST_P(AdjusterTest, IsAudited) {
  WriteOne();
  MustAdjust(Cost("a1", -30));
  const auto records = ReadAudit(*db_, "acme", kNowUs, kNowUs + 1, 10);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 1u);
  EXPECT_EQ((*records)[0].actor, "finance");
  EXPECT_EQ((*records)[0].action, "adjust");
  EXPECT_TRUE(absl::StrContains((*records)[0].detail, R"("cost_nano_usd":"-30")"))
      << (*records)[0].detail;
  EXPECT_TRUE(ReadAudit(*db_, "other", 0, kNowUs + 1, 10)->empty());
}

}  // namespace
}  // namespace quotaplane
