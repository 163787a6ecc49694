#include "services/alerts/threshold_ends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "libs/admission/thresholds.h"
#include "libs/alert_sources/crossing_signals.h"
#include "libs/alert_sources/rule_signal.h"
#include "libs/policy/policy_builder.h"
#include "libs/policy/scope_limits.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kUsd = 1'000'000'000;
constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;
constexpr int64_t kDayUs = 24 * kHourUs;

int64_t UtcUs(int year, int month, int day) {
  return absl::ToUnixMicros(absl::FromCivil(absl::CivilDay(year, month, day), absl::UTCTimeZone()));
}

// What is committed, by counter; all that ends need of a store.
class Counters : public CounterStore {
 public:
  void Read(std::string_view, std::vector<CounterUse> uses, SteadyTime,
            StoreCallback<ReadResult> done) override {
    ++reads;
    EXPECT_LE(uses.size(), static_cast<size_t>(kMaxCountersPerCall));
    if (away) return done(absl::UnavailableError("away"));
    ReadResult result;
    for (const CounterUse& use : uses) {
      result.counters.emplace_back().committed = committed[std::string(use.counter.view())];
    }
    done(std::move(result));
  }
  int64_t EstimatedNowUs() const override { return 0; }

  void Reserve(ReserveCall, SteadyTime, StoreCallback<ReserveResult>) override { Never(); }
  void Extend(ExtendCall, SteadyTime, StoreCallback<ExtendResult>) override { Never(); }
  void Commit(CommitCall, SteadyTime, StoreCallback<CommitResult>) override { Never(); }
  void Adjust(AdjustCall, SteadyTime, StoreCallback<AdjustResult>) override { Never(); }
  void Release(ReservationKey, SteadyTime, StoreCallback<ReleaseResult>) override { Never(); }
  void TellRefused(TellRefusedCall, SteadyTime, StoreCallback<TellRefusedResult>) override {
    Never();
  }

  std::map<std::string, int64_t> committed;
  bool away = false;
  int reads = 0;

 private:
  static void Never() { ADD_FAILURE() << "ends only read"; }
};

Limit UserMonth(int64_t amount) {
  Limit limit;
  limit.id = "user-month";
  limit.per = {Dim("user")};
  limit.amount = amount;
  limit.window = *ParseWindow("month", absl::UTCTimeZone(), 1);
  return limit;
}

class ThresholdEndsTest : public ::testing::Test {
 protected:
  ThresholdEndsTest() { SetLimits({UserMonth(100 * kUsd)}); }

  void SetLimits(std::vector<Limit> limits) {
    PolicyDocument document;
    document.limits = std::move(limits);
    absl::StatusOr<std::shared_ptr<const Policy>> policy = Policy::Build(std::move(document));
    ASSERT_TRUE(policy.ok()) << policy.status();
    default_ = *std::move(policy);
    policies_ = std::make_shared<const PolicySet>(default_);
  }
  void SetRaise(int64_t amount, int64_t from_us, int64_t until_us) {
    Raise raise;
    raise.exception_id = "x";
    raise.limit_id = "user-month";
    raise.scope = {{Dim("user"), "alice"}};
    raise.amount = amount;
    raise.from_us = from_us;
    raise.until_us = until_us;
    policies_ = policies_->WithRaises("acme", {raise});
  }
  AppliedLimit AppliedTo(const std::string& user, const std::string& limit_id) const {
    Subject scope;
    scope.org = "acme";
    scope.user = user;
    return ScopeLimits(default_).Find(limit_id, scope).value();
  }
  void Spend(const std::string& user, int64_t committed,
             const std::string& limit_id = "user-month") {
    counters_.committed[std::string(AppliedTo(user, limit_id).counter.view())] = committed;
  }

  // The alert about a share of the present amount, opened as a crossing opens it.
  const Alert& Tell(const std::string& user, int permille, bool refused = false,
                    const std::string& limit_id = "user-month") {
    const AppliedLimit applied = AppliedTo(user, limit_id);
    const int64_t amount = AmountAt(policies_->For("acme"), applied, now_us_);
    Subject subject;
    subject.org = "acme";
    subject.user = user;
    Crossing crossing;
    crossing.counter = applied.counter;
    crossing.threshold = ThresholdAt(amount, permille);
    crossing.committed = crossing.threshold;
    crossing.at_us = now_us_;
    crossing.refused = refused;
    std::vector<ThresholdLimit> limits;
    AddThresholdLimit(*applied.limit, amount, crossing.threshold, subject, "", &limits);
    crossing.description = EncodeThresholdLimits(limits);
    const absl::StatusOr<std::vector<Signal>> signals = CrossingSignals(crossing, *policies_);
    EXPECT_TRUE(signals.ok() && signals->size() == 1) << signals.status();
    Alert alert;
    alert.number = ++last_number_;
    alert.signal = signals->at(0);
    alert.opened_at_us = now_us_;
    open_.insert(open_.begin(), alert);
    return open_.front();
  }

  // One look over those that are open, "A-1 its period has ended"; they are not open any more.
  std::vector<std::string> Look() {
    ends_.Begin(*policies_, now_us_);
    const absl::StatusOr<std::vector<Signal>> ends = ends_.Of(open_);
    EXPECT_TRUE(ends.ok()) << ends.status();
    std::vector<std::string> over;
    for (const Signal& end : ends.value_or(std::vector<Signal>())) {
      EXPECT_TRUE(end.over);
      EXPECT_FALSE(end.action.has_value());
      EXPECT_EQ(end.at_us, now_us_);
      EXPECT_TRUE(CheckSignal(end).ok()) << CheckSignal(end);
      const auto of = std::find_if(open_.begin(), open_.end(),
                                   [&](const Alert& alert) { return alert.signal.key == end.key; });
      over.push_back(absl::StrCat("A-", of->number, " ", end.over_because));
      open_.erase(of);
    }
    return over;
  }

  Counters counters_;
  ThresholdEnds ends_{&counters_};
  std::shared_ptr<const Policy> default_;
  std::shared_ptr<const PolicySet> policies_;
  std::vector<Alert> open_;  // the newest first
  int64_t last_number_ = 0;
  int64_t now_us_ = UtcUs(2026, 11, 10);
};

TEST_F(ThresholdEndsTest, StandsUntilThePeriodHasEnded) {
  Spend("alice", 85 * kUsd);
  Tell("alice", 800);
  now_us_ = UtcUs(2026, 12, 1) - 1;
  EXPECT_THAT(Look(), IsEmpty());
  now_us_ += 1;
  Spend("alice", 0);
  EXPECT_THAT(Look(), ElementsAre("A-1 its period has ended"));
}

TEST_F(ThresholdEndsTest, ACorrectionEndsIt) {
  Spend("alice", 85 * kUsd);
  Tell("alice", 800);
  Spend("alice", 80 * kUsd);
  EXPECT_THAT(Look(), IsEmpty());
  Spend("alice", 80 * kUsd - 1);
  EXPECT_THAT(Look(), ElementsAre("A-1 what was used is below it again"));
}

TEST_F(ThresholdEndsTest, ASlidingWindowMovesOn) {
  Limit limit = UserMonth(100 * kUsd);
  limit.window = *ParseWindow("24h", absl::UTCTimeZone(), 1);
  SetLimits({limit});
  Spend("alice", 85 * kUsd);
  Spend("bob", 95 * kUsd);
  Tell("alice", 800);
  Tell("bob", 1'000, /*refused=*/true);
  EXPECT_THAT(Look(), IsEmpty());
  Spend("alice", 79 * kUsd);
  EXPECT_THAT(Look(), ElementsAre("A-1 its window has moved on"));
  now_us_ += kDayUs - 1;
  EXPECT_THAT(Look(), IsEmpty());
  now_us_ += 1;
  EXPECT_THAT(Look(), ElementsAre("A-2 its window has moved on"));
}

TEST_F(ThresholdEndsTest, ARaisedAmountEndsWhatIsNotSoByIt) {
  Spend("alice", 105 * kUsd);
  Tell("alice", 500);
  Tell("alice", 800);
  Tell("alice", 1'000);
  SetLimits({UserMonth(200 * kUsd)});
  // Half of it is spent still.
  EXPECT_THAT(Look(),
              ElementsAre("A-3 its amount is 200.00 USD now", "A-2 its amount is 200.00 USD now"));
  EXPECT_EQ(open_.size(), 1U);
  EXPECT_THAT(Look(), IsEmpty());
  SetLimits({UserMonth(211 * kUsd)});
  EXPECT_THAT(Look(), ElementsAre("A-1 its amount is 211.00 USD now"));
}

TEST_F(ThresholdEndsTest, ALoweredAmountLeavesItUntilItsOwnIsTold) {
  Spend("alice", 85 * kUsd);
  Tell("alice", 800);
  SetLimits({UserMonth(90 * kUsd)});
  EXPECT_THAT(Look(), IsEmpty());
  Tell("alice", 800);
  EXPECT_THAT(Look(), ElementsAre("A-1 its amount is 90.00 USD now, of which A-2 tells"));
  EXPECT_THAT(Look(), IsEmpty());
}

// Lowered, and then a month passes in which little more than the lower share is spent.
TEST_F(ThresholdEndsTest, ALoweredAmountDoesNotCarryItOverThePeriod) {
  Spend("alice", 85 * kUsd);
  Tell("alice", 800);
  SetLimits({UserMonth(50 * kUsd)});
  now_us_ = UtcUs(2026, 12, 20);
  Spend("alice", 45 * kUsd);
  EXPECT_THAT(Look(), ElementsAre("A-1 its period has ended"));
}

TEST_F(ThresholdEndsTest, AnOverrideIsAnAmountToo) {
  Spend("alice", 85 * kUsd);
  Spend("bob", 85 * kUsd);
  Tell("alice", 800);
  Tell("bob", 800);
  Limit limit = UserMonth(100 * kUsd);
  limit.overrides = {For({{"user", "alice"}}, 500 * kUsd)};
  SetLimits({limit});
  EXPECT_THAT(Look(), ElementsAre("A-1 its amount is 500.00 USD now"));
}

TEST_F(ThresholdEndsTest, AnExceptionThatBeginsAndEnds) {
  Spend("alice", 85 * kUsd);
  Tell("alice", 800);
  SetRaise(200 * kUsd, now_us_ + kHourUs, now_us_ + 2 * kHourUs);
  EXPECT_THAT(Look(), IsEmpty());
  now_us_ += kHourUs;
  EXPECT_THAT(Look(), ElementsAre("A-1 its amount is 200.00 USD now"));
  Spend("alice", 170 * kUsd);
  Tell("alice", 800);  // of 200
  EXPECT_THAT(Look(), IsEmpty());
  // What was spent of 200 is more than so much of 100.
  now_us_ += kHourUs;
  EXPECT_THAT(Look(), IsEmpty());
  Tell("alice", 800);  // of 100
  EXPECT_THAT(Look(), ElementsAre("A-2 its amount is 100.00 USD now, of which A-3 tells"));
}

TEST_F(ThresholdEndsTest, ALimitThatWasRemovedOrCountsOtherwise) {
  Limit other = UserMonth(100 * kUsd);
  other.id = "user-week";
  other.window = *ParseWindow("week", absl::UTCTimeZone(), 1);
  SetLimits({UserMonth(100 * kUsd), other});
  Spend("alice", 85 * kUsd);
  Spend("alice", 85 * kUsd, "user-week");
  Tell("alice", 800);
  Tell("alice", 800, false, "user-week");
  other.window = *ParseWindow("day", absl::UTCTimeZone(), 1);
  SetLimits({other});
  counters_.reads = 0;
  EXPECT_THAT(Look(), ElementsAre("A-2 limit user-week counts otherwise now",
                                  "A-1 limit user-month was removed or counts otherwise"));
  EXPECT_EQ(counters_.reads, 0);
}

TEST_F(ThresholdEndsTest, WithoutItsShareInAlertAt) {
  Spend("alice", 105 * kUsd);
  Tell("alice", 500);
  Tell("alice", 800);
  Tell("alice", 1'000);
  Limit limit = UserMonth(100 * kUsd);
  limit.alert_at = {{800, 900}};
  SetLimits({limit});
  EXPECT_THAT(Look(), ElementsAre("A-3 the limit tells of no such share any more",
                                  "A-1 the limit tells of no such share any more"));
  limit.alert_at.emplace();
  SetLimits({limit});
  EXPECT_THAT(Look(), ElementsAre("A-2 the limit tells of no such share any more"));
}

TEST_F(ThresholdEndsTest, ALimitThatRefusedStandsUntilItsPeriodEndsOrItsAmountRises) {
  for (const char* user : {"alice", "bob"}) {
    Spend(user, 95 * kUsd);
    Tell(user, 1'000, /*refused=*/true);
  }
  EXPECT_THAT(Look(), IsEmpty());
  SetRaise(101 * kUsd, 0, now_us_ + kHourUs);
  EXPECT_THAT(Look(), ElementsAre("A-1 its amount is 101.00 USD now"));
  SetLimits({UserMonth(97 * kUsd)});
  EXPECT_THAT(Look(), IsEmpty());
  now_us_ = UtcUs(2026, 12, 1);
  EXPECT_THAT(Look(), ElementsAre("A-2 its period has ended"));
}

TEST_F(ThresholdEndsTest, ALifetimeNeverEndsByTime) {
  Limit limit = UserMonth(100 * kUsd);
  limit.window = WindowSpec();
  SetLimits({limit});
  Spend("alice", 85 * kUsd);
  Tell("alice", 800);
  Tell("alice", 1'000, /*refused=*/true);
  now_us_ += 1'000 * kDayUs;
  EXPECT_THAT(Look(), IsEmpty());
}

// A counter that several alerts are about is read once; a page has more counters than one call.
TEST_F(ThresholdEndsTest, ManyScopes) {
  for (int i = 0; i < 300; ++i) {
    const std::string user = absl::StrCat("user", i);
    Spend(user, 85 * kUsd);
    Tell(user, 500);
    Tell(user, 800);
  }
  EXPECT_THAT(Look(), IsEmpty());
  EXPECT_EQ(counters_.reads, 3);
  SetLimits({UserMonth(110 * kUsd)});
  EXPECT_EQ(Look().size(), 300U);
}

TEST_F(ThresholdEndsTest, NothingEndsWhileTheStoreIsAway) {
  Spend("alice", 0);
  Tell("alice", 800);
  counters_.away = true;
  ends_.Begin(*policies_, now_us_);
  EXPECT_TRUE(absl::IsUnavailable(ends_.Of(open_).status()));
  counters_.away = false;
  EXPECT_EQ(Look().size(), 1U);
}

TEST_F(ThresholdEndsTest, WhatNobodyCanReadEnds) {
  Tell("alice", 800);
  open_[0].signal.key = "threshold/of/an/older/version";
  EXPECT_THAT(Look(), ElementsAre("A-1 nobody can say of what it is"));
}

}  // namespace
}  // namespace quotaplane
