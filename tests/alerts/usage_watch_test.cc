// The watch over usage on a real ledger: what it tells, once, whatever becomes of the process.
#include "libs/alert_sources/usage_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "libs/ledger/erasure_sql.h"
#include "tests/ledger/ledger_fixture.h"

namespace quotaplane {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kHourUs = 60 * kMinuteUs;
constexpr int64_t kUsd = 1'000'000'000;
constexpr int64_t kStartUs = 1'774'828'800'000'000;  // 2026-03-30 00:00 UTC, a Monday
constexpr int64_t kHistory = 10 * 24 * 60;           // minutes
constexpr int64_t kSpikeEnd = kHistory + 5;

// Everything before the last mark is in the ledger, or not.
class OutboxUnderTest : public OutboxState {
 public:
  absl::StatusOr<std::string> Mark(std::string_view org) override { return std::string(org); }
  absl::StatusOr<bool> EmptiedTo(std::string_view org, const std::string&) override {
    if (broken.contains(std::string(org))) return absl::UnavailableError("broken");
    return !behind;
  }
  absl::Status ForEachQuarantined(std::string_view,
                                  absl::FunctionRef<void(std::string_view)>) override {
    return absl::OkStatus();
  }

  bool behind = false;
  std::set<std::string> broken;  // orgs
};

class UsageWatchTest : public LedgerTest {
 protected:
  UsageWatchTest() : policies_(MakePolicies()) {}

  static std::shared_ptr<const PolicySet> MakePolicies() {
    return std::make_shared<const PolicySet>(*Policy::Build(PolicyDocument()));
  }

  // One charge.
  void Spend(int64_t at_us, const std::string& user, int64_t nano_usd,
             const std::string& org = "acme") {
    ChargeRecord record;
    record.id = std::to_string(next_id_++);
    record.subject = {org, "search", "p1", user, "", "big", {{"session", "s-" + user}}};
    record.price_version = "1";
    record.lines = {{0, "big", ServiceTier::kStandard, "input", nano_usd / 3'000, 3'000'000'000,
                     nano_usd, false, ""}};
    record.cost_nano_usd = nano_usd;
    charges_.push_back({std::move(record), {at_us, nano_usd, 0, false, false}});
    if (charges_.size() == 2'000) Write();
  }
  void Write() {
    const auto written = writer_.Write(charges_, kStartUs);
    ASSERT_TRUE(written.ok()) << written.status();
    charges_.clear();
  }

  // A steady stream: both users spend about 0.10 USD a minute.
  void WriteHistory(int64_t minutes) {
    for (int64_t minute = 0; minute < minutes; ++minute) SpendSteadily(minute);
    Write();
  }
  void SpendSteadily(int64_t minute) {
    const int64_t at_us = kStartUs + minute * kMinuteUs;
    const int64_t wobble = (minute * 7'919) % 13 * kUsd / 1'000;
    Spend(at_us, "alice", kUsd / 10 + wobble);
    Spend(at_us, "bob", kUsd / 10 + kUsd / 50 - wobble);
  }

  // It saves when it is told to.
  std::unique_ptr<UsageWatch> MakeWatch(UsageWatchOptions options = {}) {
    options.save_every_us = 100 * kHourUs;
    return std::make_unique<UsageWatch>(
        db_.get(), &outbox_,
        [this](absl::Span<const Signal> signals) -> absl::Status {
          if (away_) return absl::UnavailableError("away");
          for (const Signal& signal : signals) {
            EXPECT_TRUE(CheckSignal(signal).ok()) << CheckSignal(signal);
            told_.push_back(signal);
            names_.insert(signal.key + " " + signal.occurrence);
          }
          return absl::OkStatus();
        },
        options);
  }
  // Until it has everything up to before `minute`.
  absl::Status RunTo(UsageWatch& watch, int64_t minute) {
    const int64_t now_us = kStartUs + minute * kMinuteUs + 2'000'000;
    while (true) {
      const UsageWatch::Progress progress = watch.Round(*policies_, now_us, [] { return true; });
      if (!progress.more) return progress.status;
    }
  }
  // A history, and a spike by alice that is on; the watch has saved what was before it.
  Alert SpikeAfterASave(UsageWatch& watch) {
    WriteHistory(kHistory);
    EXPECT_TRUE(RunTo(watch, kHistory).ok());
    EXPECT_TRUE(watch.Save(kStartUs + kHistory * kMinuteUs).ok());
    for (int64_t minute = kHistory; minute < kSpikeEnd; ++minute) {
      SpendSteadily(minute);
      Spend(kStartUs + minute * kMinuteUs, "alice", 2 * kUsd);
    }
    Write();
    EXPECT_TRUE(RunTo(watch, kSpikeEnd).ok());
    const std::vector<Signal> begun = BegunOf("alice");
    EXPECT_THAT(begun, SizeIs(1));
    Alert alert;
    if (!begun.empty()) alert.signal = begun[0];
    alert.feedback = Feedback::kExpected;
    return alert;
  }
  std::string SavedState() {
    const auto rows = db_->Query({"state", "SELECT state FROM anomaly_states"});
    if (!rows.ok() || rows->size() != 1) return "";
    sql::Bytes state;
    EXPECT_TRUE((*rows)[0].Read(state).ok());
    return std::string(state.data);
  }
  std::vector<Signal> EndsOf(const UsageWatch& watch, const Alert& alert, int64_t minute) {
    return watch.Ends(*policies_, {&alert, 1}, kStartUs + minute * kMinuteUs);
  }
  // What began, of those about the user.
  std::vector<Signal> BegunOf(const std::string& user) const {
    std::vector<Signal> begun;
    for (const Signal& signal : told_) {
      if (!signal.over && signal.scope == "{org=acme, user=" + user + "}") begun.push_back(signal);
    }
    return begun;
  }

  std::shared_ptr<const PolicySet> policies_;
  OutboxUnderTest outbox_;
  std::vector<SettledCharge> charges_;
  std::vector<Signal> told_;
  std::set<std::string> names_;
  bool away_ = false;
  int64_t next_id_ = 0;
};
QP_OVER_BOTH_DATABASES(UsageWatchTest);

TEST_P(UsageWatchTest, ASpikeIsToldOnceAlsoByWhoeverGoesOnAfterACrash) {
  WriteHistory(kHistory);
  auto watch = MakeWatch();
  ASSERT_TRUE(RunTo(*watch, kHistory).ok());
  EXPECT_THAT(told_, IsEmpty()) << told_.front().summary;
  ASSERT_TRUE(watch->Save(kStartUs + kHistory * kMinuteUs).ok());

  // Ten times as much for ten minutes, all by alice.
  for (int64_t minute = kHistory; minute < kHistory + 10; ++minute) {
    SpendSteadily(minute);
    Spend(kStartUs + minute * kMinuteUs, "alice", 2 * kUsd);
  }
  Write();
  for (int64_t minute = kHistory + 1; minute <= kHistory + 10; ++minute) {
    ASSERT_TRUE(RunTo(*watch, minute).ok());
  }
  const std::vector<Signal> begun = BegunOf("alice");
  ASSERT_THAT(begun, SizeIs(1));
  EXPECT_LE(begun[0].at_us, kStartUs + (kHistory + 2) * kMinuteUs) << "within two minutes";
  EXPECT_GT(*begun[0].actual, 3 * *begun[0].expected);
  EXPECT_THAT(BegunOf("bob"), IsEmpty());

  // Killed before it saved: the next one finds the same, under the same names.
  const std::set<std::string> names = names_;
  watch = MakeWatch();
  ASSERT_TRUE(RunTo(*watch, kHistory + 10).ok());
  EXPECT_THAT(BegunOf("alice"), SizeIs(2));
  EXPECT_EQ(names_, names);
}

TEST_P(UsageWatchTest, WhatCouldNotBeKeptIsFoundAgain) {
  WriteHistory(kHistory);
  auto watch = MakeWatch();
  ASSERT_TRUE(RunTo(*watch, kHistory).ok());
  ASSERT_TRUE(watch->Save(kStartUs + kHistory * kMinuteUs).ok());
  for (int64_t minute = kHistory; minute < kHistory + 5; ++minute) {
    SpendSteadily(minute);
    Spend(kStartUs + minute * kMinuteUs, "alice", 3 * kUsd);
  }
  Write();
  away_ = true;
  EXPECT_TRUE(absl::IsUnavailable(RunTo(*watch, kHistory + 5)));
  EXPECT_THAT(told_, IsEmpty());
  away_ = false;
  ASSERT_TRUE(RunTo(*watch, kHistory + 5).ok());
  EXPECT_THAT(BegunOf("alice"), SizeIs(1));
}

TEST_P(UsageWatchTest, ALedgerThatIsBehindIsNoDrop) {
  WriteHistory(kHistory);
  auto watch = MakeWatch();
  ASSERT_TRUE(RunTo(*watch, kHistory).ok());
  outbox_.behind = true;
  ASSERT_TRUE(RunTo(*watch, kHistory + 45).ok());
  EXPECT_THAT(told_, IsEmpty());
  // It comes after all.
  for (int64_t minute = kHistory; minute < kHistory + 45; ++minute) SpendSteadily(minute);
  Write();
  outbox_.behind = false;
  ASSERT_TRUE(RunTo(*watch, kHistory + 45).ok());
  EXPECT_THAT(told_, IsEmpty()) << told_.front().summary;
}

TEST_P(UsageWatchTest, WhatIsLongOverIsNotTold) {
  WriteHistory(kHistory);
  for (int64_t minute = kHistory - 600; minute < kHistory - 590; ++minute) {
    Spend(kStartUs + minute * kMinuteUs, "alice", 3 * kUsd);
  }
  Write();
  auto watch = MakeWatch();
  ASSERT_TRUE(RunTo(*watch, kHistory).ok());
  EXPECT_THAT(BegunOf("alice"), IsEmpty());
}

TEST_P(UsageWatchTest, ADamagedStateIsLearntAnew) {
  WriteHistory(kHistory);
  auto watch = MakeWatch();
  ASSERT_TRUE(RunTo(*watch, kHistory).ok());
  ASSERT_TRUE(watch->Save(kStartUs + kHistory * kMinuteUs).ok());
  ASSERT_TRUE(db_->Execute({"damage", "UPDATE anomaly_states SET state = $1"},
                           {sql::Bytes{std::string_view("garbage")}})
                  .ok());
  watch = MakeWatch();
  ASSERT_TRUE(RunTo(*watch, kHistory).ok());
  EXPECT_EQ(watch->stats().lost_states, 1);
  EXPECT_GE(watch->stats().scopes, 4);
}

TEST_P(UsageWatchTest, AnOrgWithoutRulesAboutUsageIsNotWatched) {
  WriteHistory(60);
  PolicyDocument document;
  document.alerts.emplace();
  policies_ = std::make_shared<const PolicySet>(*Policy::Build(std::move(document)));
  auto watch = MakeWatch();
  ASSERT_TRUE(RunTo(*watch, 60).ok());
  EXPECT_EQ(watch->stats().orgs, 0);
}

TEST_P(UsageWatchTest, FeedbackIsHeardOnceWhereverTheProcessIsKilled) {
  auto watch = MakeWatch();
  const Alert alert = SpikeAfterASave(*watch);
  watch->Say(5, alert);
  ASSERT_TRUE(RunTo(*watch, kSpikeEnd).ok());
  const std::string heard = SavedState();  // at once, though nothing else is saved for days
  ASSERT_TRUE(anomaly::SeriesBank::Restore({}, heard).ok());
  EXPECT_EQ(anomaly::SeriesBank::Restore({}, heard)->heard(), 5);

  // Killed after it was saved: whoever goes on is told again, and hears it no second time.
  watch = MakeWatch();
  watch->Say(5, alert);
  ASSERT_TRUE(RunTo(*watch, kSpikeEnd).ok());
  ASSERT_TRUE(watch->Save(kStartUs).ok());
  EXPECT_EQ(SavedState(), heard);
  // The end that it brings is told once, and says why.
  SpendSteadily(kSpikeEnd);
  Write();
  ASSERT_TRUE(RunTo(*watch, kSpikeEnd + 1).ok());
  ASSERT_FALSE(told_.empty());
  EXPECT_TRUE(told_.back().over);
  EXPECT_EQ(told_.back().key, alert.signal.key);
  EXPECT_THAT(told_.back().summary, EndsWith("over: somebody said that this is expected"));
}

TEST_P(UsageWatchTest, FeedbackThatCouldNotBeSavedIsHeardByWhoeverGoesOn) {
  auto watch = MakeWatch();
  const Alert alert = SpikeAfterASave(*watch);
  const std::string before = SavedState();
  ASSERT_FALSE(before.empty());
  ASSERT_TRUE(db_->RunScript({"away", "ALTER TABLE anomaly_states RENAME TO away"}).ok());
  watch->Say(5, alert);
  EXPECT_FALSE(RunTo(*watch, kSpikeEnd).ok());
  ASSERT_TRUE(db_->RunScript({"back", "ALTER TABLE away RENAME TO anomaly_states"}).ok());
  EXPECT_EQ(SavedState(), before);
  // The same process, which does not trust what it has heard and not saved.
  ASSERT_TRUE(RunTo(*watch, kSpikeEnd).ok());
  const std::string heard = SavedState();
  EXPECT_NE(heard, before);
  EXPECT_EQ(anomaly::SeriesBank::Restore({}, heard)->heard(), 5);

  // Another one, for which the finding is still to be found again when it is told.
  ASSERT_TRUE(db_->Execute({"before", "UPDATE anomaly_states SET state = $1, through_us = $2"},
                           {sql::Bytes{before}, kStartUs + kHistory * kMinuteUs})
                  .ok());
  watch = MakeWatch();
  watch->Say(5, alert);
  ASSERT_TRUE(RunTo(*watch, kSpikeEnd).ok());
  EXPECT_EQ(SavedState(), heard);
}

TEST_P(UsageWatchTest, FeedbackIsOfItsFindingAlone) {
  auto watch = MakeWatch();
  Alert alert = SpikeAfterASave(*watch);
  const std::string before = SavedState();
  // Another bank's finding of this number.
  alert.signal.key.back() = alert.signal.key.back() == '0' ? '1' : '0';
  watch->Say(5, alert);
  ASSERT_TRUE(RunTo(*watch, kSpikeEnd).ok());
  EXPECT_EQ(SavedState(), before);
}

TEST_P(UsageWatchTest, WhoHasBeenOvertakenStartsFromWhatTheOtherSaved) {
  auto watch = MakeWatch();
  const Alert alert = SpikeAfterASave(*watch);
  ASSERT_TRUE(db_->Execute({"ahead", "UPDATE anomaly_states SET through_us = $1"},
                           {kStartUs + (kSpikeEnd + 1) * kMinuteUs})
                  .ok());
  watch->Say(5, alert);
  EXPECT_TRUE(absl::IsAborted(RunTo(*watch, kSpikeEnd)));
}

TEST_P(UsageWatchTest, AnAlertWhoseRuleIsRemovedEnds) {
  auto watch = MakeWatch();
  const Alert alert = SpikeAfterASave(*watch);
  EXPECT_THAT(EndsOf(*watch, alert, kSpikeEnd), IsEmpty()) << "it goes on";
  PolicyDocument document;
  document.alerts.emplace();
  policies_ = std::make_shared<const PolicySet>(*Policy::Build(std::move(document)));
  ASSERT_TRUE(RunTo(*watch, kSpikeEnd).ok());
  const std::vector<Signal> ends = EndsOf(*watch, alert, kSpikeEnd);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_TRUE(CheckSignal(ends[0]).ok()) << CheckSignal(ends[0]);
  EXPECT_TRUE(ends[0].over);
  EXPECT_EQ(ends[0].key, alert.signal.key);
  EXPECT_THAT(ends[0].summary, EndsWith("over: rule \"cost-anomaly\" was removed"));
}

TEST_P(UsageWatchTest, AnAlertThatABankTaughtAnewDoesNotKnowEnds) {
  auto watch = MakeWatch();
  const Alert alert = SpikeAfterASave(*watch);
  ASSERT_TRUE(db_->Execute({"damage", "UPDATE anomaly_states SET state = $1"},
                           {sql::Bytes{std::string_view("garbage")}})
                  .ok());
  // The new bank numbers its findings from 1 again, and has learnt the spike with the rest.
  watch = MakeWatch();
  EXPECT_THAT(EndsOf(*watch, alert, kSpikeEnd), IsEmpty()) << "nothing is known yet";
  ASSERT_TRUE(RunTo(*watch, kSpikeEnd).ok());
  Alert other = alert;
  other.signal.key = "finding/77/0123";
  const std::vector<Signal> ends = EndsOf(*watch, other, kSpikeEnd);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_THAT(ends[0].summary, HasSubstr("learnt anew"));
  // What is learnt now is kept, though what could not be read was further.
  ASSERT_TRUE(watch->Save(kStartUs).ok());
  EXPECT_TRUE(anomaly::SeriesBank::Restore({}, SavedState()).ok());
}

TEST_P(UsageWatchTest, AnAlertWhoseScopeMakesRoomEnds) {
  UsageWatchOptions options;
  options.max_scopes = 100;
  auto watch = MakeWatch(options);
  const Alert alert = SpikeAfterASave(*watch);
  // She is silent, and many others come.
  for (int i = 0; i < 120; ++i) {
    Spend(kStartUs + (kSpikeEnd + 1) * kMinuteUs, "user-" + std::to_string(i), kUsd / 1'000);
  }
  Write();
  ASSERT_TRUE(RunTo(*watch, kSpikeEnd + 2).ok());
  const auto end = std::find_if(told_.begin(), told_.end(), [&](const Signal& signal) {
    return signal.over && signal.key == alert.signal.key;
  });
  ASSERT_NE(end, told_.end());
  EXPECT_THAT(end->summary, EndsWith("made room for others"));
  // Had that got lost, it would be said by whoever looks at open alerts.
  const std::vector<Signal> ends = EndsOf(*watch, alert, kSpikeEnd + 2);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_THAT(ends[0].summary, EndsWith("made room for others"));
}

TEST_P(UsageWatchTest, OneOrgsFailureKeepsNoOtherFromBeingWatched) {
  const std::vector<std::string> orgs = {"acme", "bravo", "delta", "zulu"};
  for (const std::string& org : orgs) Spend(kStartUs, "alice", kUsd, org);
  Write();
  outbox_.broken = {"acme", "delta"};
  auto watch = MakeWatch();
  const absl::Status status = RunTo(*watch, 60);
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(HasSubstr("2 of 4 orgs"), HasSubstr("\"acme\": broken"), HasSubstr("\"delta\"")));
  EXPECT_EQ(watch->stats().failed_orgs, 2);
  EXPECT_EQ(watch->stats().scopes, 2 * 5) << "of the others: org, team, project, user and model";
  outbox_.broken.clear();
  ASSERT_TRUE(RunTo(*watch, 60).ok());
  EXPECT_EQ(watch->stats().failed_orgs, 0);
  EXPECT_EQ(watch->stats().scopes, 4 * 5);
}

TEST_P(UsageWatchTest, WhoIsNoLongerTheOneStopsBetweenOrgs) {
  for (const char* org : {"acme", "bravo", "delta"}) Spend(kStartUs, "alice", kUsd, org);
  Write();
  auto watch = MakeWatch();
  int asked = 0;
  const UsageWatch::Progress progress =
      watch->Round(*policies_, kStartUs + kHourUs, [&] { return ++asked <= 2; });
  EXPECT_TRUE(progress.status.ok());
  EXPECT_FALSE(progress.more);
  EXPECT_EQ(watch->stats().orgs, 2);
}

TEST(MinuteOfWeek, IsThatOfThePolicysZone) {
  const auto utc = Policy::Build(PolicyDocument());
  EXPECT_EQ(MinuteOfWeek(**utc, kStartUs), 0);
  EXPECT_EQ(MinuteOfWeek(**utc, kStartUs - kMinuteUs), 7 * 24 * 60 - 1);
  PolicyDocument document;
  Limit limit;
  limit.id = "month";
  limit.amount = 1;
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  limit.window = *ParseWindow("month", berlin, 1);
  document.limits.push_back(std::move(limit));
  EXPECT_EQ(MinuteOfWeek(**Policy::Build(std::move(document)), kStartUs + kHourUs), 3 * 60);
}

TEST_P(UsageWatchTest, AnErasedPersonIsForgottenAndLearntAnewByThePseudonym) {
  const int64_t now = kHistory + 5;  // minutes
  WriteHistory(now);
  auto watch = MakeWatch();
  ASSERT_TRUE(RunTo(*watch, kHistory).ok());
  ASSERT_TRUE(watch->Save(kStartUs + kHistory * kMinuteUs).ok());
  ASSERT_EQ(Count("SELECT COUNT(*) FROM anomaly_states"), 1);
  ASSERT_TRUE(RunTo(*watch, now).ok());
  std::string pseudonym;
  const auto erase = [&](int64_t at_us) {
    auto transaction = db_->Begin();
    ASSERT_TRUE(transaction.ok()) << transaction.status();
    const auto registered = RegisterErasure(**transaction, "acme", "alice", at_us);
    ASSERT_TRUE(registered.ok()) << registered.status();
    pseudonym = *registered;
    ASSERT_TRUE(RenameRows(**transaction, {"acme", "alice", pseudonym}).ok());
    ASSERT_TRUE(ForgetDetectors(**transaction, "acme").ok());
    ASSERT_TRUE((*transaction)->Commit().ok());
  };
  erase(kStartUs + now * kMinuteUs);
  // Whoever has not noticed yet, and stops, leaves nothing of her behind.
  ASSERT_TRUE(watch->Save(kStartUs + now * kMinuteUs + 1).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM anomaly_states"), 0);
  watch = MakeWatch();
  ASSERT_TRUE(RunTo(*watch, now).ok());
  ASSERT_TRUE(watch->Save(kStartUs + now * kMinuteUs + 2).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM anomaly_states"), 1);
  EXPECT_THAT(told_, IsEmpty()) << told_.front().summary;

  // Whoever goes on notices with the next round. Her history is the pseudonym's now: a spike of it
  // is a spike, and no new spender's.
  erase(kStartUs + now * kMinuteUs + 3);
  for (int64_t minute = now; minute < now + 10; ++minute) {
    const int64_t at_us = kStartUs + minute * kMinuteUs;
    Spend(at_us, pseudonym, 2 * kUsd);
    Spend(at_us, "bob", kUsd / 10);
  }
  Write();
  ASSERT_TRUE(RunTo(*watch, now + 10).ok());
  EXPECT_THAT(BegunOf("alice"), IsEmpty());
  const std::vector<Signal> begun = BegunOf(pseudonym);
  ASSERT_THAT(begun, SizeIs(1));
  EXPECT_GT(*begun[0].expected, 0);
  ASSERT_TRUE(watch->Save(kStartUs + (now + 10) * kMinuteUs).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM anomaly_states"), 1);
}

}  // namespace
}  // namespace quotaplane
