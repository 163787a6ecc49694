// Every state by a hand-moved clock, over both databases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/alerts/test_alerts.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using enum RecordOutcome;

class AlertStatesTest : public AlertsTest {
 protected:
  Alert Acknowledge(int64_t number) {
    const auto alert = In([&](sql::Transaction& t) {
      return store_.Acknowledge(t, "acme", number, {"bob", "on it"}, now_us_);
    });
    EXPECT_TRUE(alert.ok()) << alert.status();
    return alert.ok() ? *alert : Alert();
  }
  Silence AddSilence(const std::string& user, int64_t for_us) {
    Silence silence;
    silence.org = "acme";
    silence.matchers = {{"user", user}};
    silence.until_us = now_us_ + for_us;
    silence.reason = "load test";
    silence.author = "bob";
    const auto added =
        In([&](sql::Transaction& t) { return store_.AddSilence(t, silence, now_us_); });
    EXPECT_TRUE(added.ok()) << added.status();
    return added.ok() ? *added : Silence();
  }
  static Signal Over(Signal signal, const std::string& occurrence) {
    signal.over = true;
    signal.occurrence = occurrence;
    return signal;
  }
};

TEST_P(AlertStatesTest, FiresAndIsResolved) {
  Signal signal = SignalOf("alice", "1");
  signal.expected = 20;
  signal.contributors = {{"model", "opus", 1, 70}, {"session", "s-1", 0, 60}};
  const Recorded opened = Record(signal);
  EXPECT_EQ(opened.outcome, kOpened);
  EXPECT_EQ(opened.number, 1);
  Alert alert = Get(1);
  EXPECT_EQ(alert.state, AlertState::kFiring);
  EXPECT_EQ(alert.signal.summary, signal.summary);
  EXPECT_EQ(alert.signal.dimensions, signal.dimensions);
  EXPECT_EQ(alert.signal.contributors, signal.contributors);
  EXPECT_EQ(alert.signal.expected, 20);
  EXPECT_EQ(alert.signal.actual, signal.actual);
  EXPECT_EQ(alert.opened_at_us, signal.at_us);
  EXPECT_EQ(alert.recorded_at_us, now_us_);
  EXPECT_THAT(Told(), ElementsAre("A-1 firing"));

  now_us_ += kMinuteUs;
  EXPECT_EQ(Record(Over(signal, "2")).outcome, kResolved);
  alert = Get(1);
  EXPECT_EQ(alert.state, AlertState::kResolved);
  EXPECT_EQ(alert.resolved_at_us, now_us_);
  EXPECT_THAT(Told(), ElementsAre("A-1 resolved"));
  // It has no hold-off: what comes now is another one.
  EXPECT_EQ(Record(SignalOf("alice", "3")).number, 2);
}

TEST_P(AlertStatesTest, AnEndSaysWhy) {
  Signal signal = SignalOf("alice", "1");
  Record(signal);
  Signal over = Over(signal, "2");
  over.over_because = "its amount is 200.00 USD now";
  EXPECT_EQ(Record(over).outcome, kResolved);
  EXPECT_EQ(Get(1).signal.summary,
            absl::StrCat(signal.summary, "; over: its amount is 200.00 USD now"));
  // A summary as long as it may be gives way to the reason.
  signal = SignalOf("bob", "1");
  signal.summary = std::string(kMaxSummaryBytes, 'x');
  Record(signal);
  over = Over(signal, "2");
  over.over_because = std::string(kMaxOverBecauseBytes, 'y');
  EXPECT_EQ(Record(over).outcome, kResolved);
  EXPECT_EQ(Get(2).signal.summary.size(), kMaxSummaryBytes);
  EXPECT_TRUE(Get(2).signal.summary.ends_with(over.over_because));
  over.over_because += 'y';
  EXPECT_TRUE(absl::IsInvalidArgument(CheckSignal(over)));
}

TEST_P(AlertStatesTest, AnOccurrenceCountsOnce) {
  const Signal signal = SignalOf("alice", "1");
  Record(signal);
  EXPECT_EQ(Record(signal).outcome, kRepeated);
  EXPECT_EQ(Record(signal).number, 1);
  EXPECT_EQ(Get(1).tellings, 1);
  Record(Over(signal, "2"));
  // Also once it is resolved, and within a batch.
  now_us_ += kDayUs;
  const auto recorded = RecordAll({signal, SignalOf("bob", "1"), SignalOf("bob", "1")});
  EXPECT_EQ(recorded[0].outcome, kRepeated);
  EXPECT_EQ(recorded[1].outcome, kOpened);
  EXPECT_EQ(recorded[2].outcome, kRepeated);
  EXPECT_EQ(recorded[2].number, recorded[1].number);
  EXPECT_EQ(Record(Over(SignalOf("carol", "1"), "1")).outcome, kNothing);
  // Another org's key is another alert.
  Signal other = signal;
  other.org = "beta";
  EXPECT_EQ(Record(other).outcome, kOpened);
}

TEST_P(AlertStatesTest, OneBatchMayTellAlertsWholeLife) {
  const Signal signal = SignalOf("alice", "1");
  const auto recorded =
      RecordAll({signal, Over(signal, "2"), SignalOf("alice", "3"), Over(signal, "4")});
  EXPECT_EQ(recorded[0].outcome, kOpened);
  EXPECT_EQ(recorded[1].outcome, kResolved);
  EXPECT_EQ(recorded[2].outcome, kOpened);
  EXPECT_EQ(recorded[3].number, 2);
  EXPECT_THAT(Told(), ElementsAre("A-1 firing", "A-1 resolved", "A-2 firing", "A-2 resolved"));
}

TEST_P(AlertStatesTest, HoldOffMakesOneMessageOfWhatHovers) {
  Signal signal = SignalOf("alice", "0");
  signal.hold_off_us = kHourUs;
  std::vector<std::string> told;
  // Up and down each minute for three hours.
  for (int minute = 0; minute < 180; ++minute) {
    signal.occurrence = absl::StrCat("up", minute);
    Record(signal);
    now_us_ += kMinuteUs / 2;
    Record(Over(signal, absl::StrCat("down", minute)));
    now_us_ += kMinuteUs / 2;
    Advance();
    for (std::string& one : Told()) told.push_back(std::move(one));
  }
  EXPECT_EQ(Get(1).tellings, 180);
  EXPECT_EQ(*store_.LastSequence(*db_), 360);
  EXPECT_THAT(told, ElementsAre("A-1 firing", "A-1 resolved", "A-1 firing", "A-1 resolved",
                                "A-1 firing", "A-1 resolved"));
}

TEST_P(AlertStatesTest, ToldAgainAfterTheHoldOffOnly) {
  Signal signal = SignalOf("alice", "0");
  signal.hold_off_us = kHourUs;
  Record(signal);
  Told();
  for (int i = 1; i <= 130; ++i) {
    now_us_ += kMinuteUs;
    signal.occurrence = absl::StrCat(i);
    EXPECT_EQ(Record(signal).outcome, kUpdated);
    Advance();
  }
  EXPECT_THAT(Told(), ElementsAre("A-1 firing", "A-1 firing"));  // after 60 and 120 minutes
}

TEST_P(AlertStatesTest, ReopenedWithinItsHoldOffAndToldWhenThatHasPassed) {
  Signal signal = SignalOf("alice", "1");
  signal.hold_off_us = kHourUs;
  Record(signal);
  now_us_ += kMinuteUs;
  Record(Over(signal, "2"));
  EXPECT_THAT(Told(), ElementsAre("A-1 firing", "A-1 resolved"));
  now_us_ += kMinuteUs;
  signal.occurrence = "3";
  const Recorded again = Record(signal);
  EXPECT_EQ(again.outcome, kReopened);
  EXPECT_EQ(again.number, 1);
  EXPECT_EQ(Get(1).state, AlertState::kFiring);
  EXPECT_THAT(Told(), IsEmpty());
  now_us_ += 57 * kMinuteUs;
  Advance();
  EXPECT_THAT(Told(), IsEmpty());
  now_us_ += kMinuteUs;
  Advance();
  EXPECT_THAT(Told(), ElementsAre("A-1 firing"));
  // Resolved for longer than the hold-off: a new one.
  Record(Over(signal, "4"));
  now_us_ += kHourUs;
  signal.occurrence = "5";
  EXPECT_EQ(Record(signal).number, 2);
}

TEST_P(AlertStatesTest, ARaiseIsToldAtOnce) {
  Signal signal = SignalOf("alice", "1");
  signal.hold_off_us = kHourUs;
  Record(signal);
  signal.severity = Severity::kCritical;
  signal.occurrence = "2";
  Record(signal);
  signal.severity = Severity::kInfo;  // it stays as bad as it was
  signal.occurrence = "3";
  Record(signal);
  EXPECT_EQ(Get(1).signal.severity, Severity::kCritical);
  EXPECT_EQ(Get(1).opened_severity, Severity::kWarning);
  EXPECT_THAT(Told(), ElementsAre("A-1 firing", "A-1 raised"));
}

TEST_P(AlertStatesTest, AnAcknowledgedAlertIsQuietUntilItIsWorse) {
  Signal signal = SignalOf("alice", "1");
  Record(signal);
  const Alert acknowledged = Acknowledge(1);
  EXPECT_EQ(acknowledged.state, AlertState::kAcknowledged);
  EXPECT_EQ(acknowledged.acknowledged_by, "bob");
  EXPECT_EQ(Get(1).acknowledge_comment, "on it");
  Told();
  now_us_ += kHourUs;
  signal.occurrence = "2";
  EXPECT_EQ(Record(signal).outcome, kUpdated);
  EXPECT_EQ(Get(1).state, AlertState::kAcknowledged);
  EXPECT_THAT(Told(), IsEmpty());
  signal.severity = Severity::kCritical;
  signal.occurrence = "3";
  Record(signal);
  EXPECT_EQ(Get(1).state, AlertState::kFiring);
  EXPECT_EQ(Get(1).acknowledged_by, "");
  EXPECT_THAT(Told(), ElementsAre("A-1 raised"));
  Acknowledge(1);
  Record(Over(signal, "4"));
  EXPECT_THAT(Told(), ElementsAre("A-1 resolved"));
  const auto late = In([&](sql::Transaction& t) {
    return store_.Acknowledge(t, "acme", 1, {"bob", ""}, now_us_);
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(late.status())) << late.status();
}

TEST_P(AlertStatesTest, OthersOrgsAlertsAreNotFound) {
  Record(SignalOf("alice", "1"));
  EXPECT_TRUE(absl::IsNotFound(store_.Get(*db_, "beta", 1).status()));
  EXPECT_TRUE(absl::IsNotFound(store_.Get(*db_, "acme", 2).status()));
  for (const std::optional<std::string>& org : {std::optional<std::string>("beta"), {""}}) {
    const auto acknowledged = In([&](sql::Transaction& t) {
      return store_.Acknowledge(t, org, 1, {"eve", ""}, now_us_);
    });
    EXPECT_TRUE(absl::IsNotFound(acknowledged.status())) << acknowledged.status();
  }
  EXPECT_EQ(Get(1).state, AlertState::kFiring);
}

TEST_P(AlertStatesTest, ASilenceHoldsUntilItsEnd) {
  Signal alice = SignalOf("alice", "1"), bob = SignalOf("bob", "1");
  Record(alice);
  const Silence silence = AddSilence("a*", kHourUs);
  EXPECT_EQ(silence.number, 1);
  EXPECT_EQ(Get(1).state, AlertState::kSilenced);
  EXPECT_EQ(Get(1).silence, 1);
  Told();
  now_us_ += kMinuteUs;
  alice.occurrence = bob.occurrence = "2";
  Signal anna = SignalOf("anna", "1");
  RecordAll({alice, bob, anna});
  EXPECT_EQ(Get(3).state, AlertState::kSilenced);
  EXPECT_THAT(Told(), ElementsAre("A-2 firing"));
  now_us_ += 58 * kMinuteUs;
  Record(Over(anna, "2"));  // its condition does not stand when the silence ends
  Advance();
  EXPECT_THAT(Told(), IsEmpty());
  now_us_ += kMinuteUs;
  Advance();
  EXPECT_EQ(Get(1).state, AlertState::kFiring);
  EXPECT_EQ(Get(3).state, AlertState::kResolved);
  EXPECT_THAT(Told(), ElementsAre("A-1 firing"));
  EXPECT_THAT(*store_.ListSilences(*db_, "acme", false, 0, 10), IsEmpty());
  EXPECT_EQ(store_.ListSilences(*db_, "acme", true, 0, 10)->at(0).ended_at_us, silence.until_us);
}

TEST_P(AlertStatesTest, SilencesEndByHandAndOverlap) {
  Record(SignalOf("alice", "1"));
  AddSilence("a*", kHourUs);
  AddSilence("alice", 2 * kHourUs);
  Told();
  const auto ended = In([&](sql::Transaction& t) {
    return store_.EndSilence(t, "acme", 1, {"carol", ""}, now_us_);
  });
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->ended_by, "carol");
  Advance();
  EXPECT_EQ(Get(1).state, AlertState::kSilenced);
  EXPECT_EQ(Get(1).silence, 2);
  ASSERT_TRUE(In([&](sql::Transaction& t) {
                return store_.EndSilence(t, "acme", 2, {"carol", ""}, now_us_);
              }).ok());
  Advance();
  EXPECT_EQ(Get(1).state, AlertState::kFiring);
  EXPECT_THAT(Told(), ElementsAre("A-1 firing"));
  const auto others = In([&](sql::Transaction& t) {
    return store_.EndSilence(t, "beta", 1, {"eve", ""}, now_us_);
  });
  EXPECT_TRUE(absl::IsNotFound(others.status())) << others.status();
}

TEST_P(AlertStatesTest, ASilencedAlertThatBecameWorseIsToldWhenTheSilenceEnds) {
  Signal signal = SignalOf("alice", "1");
  signal.hold_off_us = kDayUs;
  Record(signal);
  AddSilence("alice", kHourUs);
  Told();
  signal.severity = Severity::kCritical;
  signal.occurrence = "2";
  Record(signal);
  EXPECT_THAT(Told(), IsEmpty());
  now_us_ += kHourUs;
  Advance();
  EXPECT_THAT(Told(), ElementsAre("A-1 firing"));
}

TEST_P(AlertStatesTest, SilencesMatchWhatIsThere) {
  Signal signal = SignalOf("alice", "1");
  const auto matches = [&](std::vector<Matcher> matchers) {
    Silence silence;
    silence.matchers = std::move(matchers);
    return SilenceMatches(silence, signal);
  };
  EXPECT_TRUE(matches({{"user", "ali?e"}}));
  EXPECT_TRUE(matches({{"user", "*"}, {"kind", "threshold"}, {"rule", "user-*"}}));
  EXPECT_TRUE(matches({{"severity", "warning"}}));
  EXPECT_FALSE(matches({{"user", "alice"}, {"kind", "forecast"}}));
  EXPECT_FALSE(matches({{"session", "*"}}));
  // And each rule that a silence breaks is told by its field.
  Silence bad;
  bad.org = "acme";
  bad.until_us = now_us_;
  bad.matchers = {{"", "x"}, {"user", ""}, {"user", "a\nb"}};
  const auto refused = In([&](sql::Transaction& t) { return store_.AddSilence(t, bad, now_us_); });
  ASSERT_TRUE(absl::IsInvalidArgument(refused.status())) << refused.status();
  for (const char* field :
       {"matchers[0].name", "matchers[1].pattern", "matchers[2].pattern", "until", "reason"}) {
    EXPECT_THAT(std::string(refused.status().message()), ::testing::HasSubstr(field));
  }
}

TEST_P(AlertStatesTest, ActionsEndWhenTheySay) {
  Signal signal = SignalOf("alice", "1");
  signal.action = WantedAction{WantedAction::Kind::kThrottle, 250, kHourUs};
  Record(signal);
  auto pending = store_.PendingActions(*db_, 10);
  ASSERT_EQ(pending->size(), 1u);
  EXPECT_EQ(pending->at(0).action.wanted, *signal.action);
  ASSERT_TRUE(In([&](sql::Transaction& t) {
                return store_.MarkAction(t, 1, now_us_, now_us_ + kHourUs);
              }).ok());
  EXPECT_THAT(*store_.PendingActions(*db_, 10), IsEmpty());
  EXPECT_EQ(store_.ActionsInForce(*db_, "acme", 10)->size(), 1u);
  // Neither a telling nor an acknowledgement nor the end of its condition touches a throttle.
  signal.occurrence = "2";
  Record(signal);
  Acknowledge(1);
  Record(Over(signal, "3"));
  now_us_ += kHourUs - 1;
  EXPECT_THAT(*store_.ActionsToEnd(*db_, now_us_, 10), IsEmpty());
  now_us_ += 1;
  ASSERT_EQ(store_.ActionsToEnd(*db_, now_us_, 10)->size(), 1u);
  ASSERT_TRUE(In([&](sql::Transaction& t) { return store_.EndAction(t, 1, now_us_); }).ok());
  EXPECT_EQ(Get(1).action.state, ActionState::kEnded);
  EXPECT_EQ(Get(1).action.until_us, now_us_);
  EXPECT_THAT(*store_.ActionsToEnd(*db_, now_us_, 10), IsEmpty());
}

TEST_P(AlertStatesTest, AFreezeIsLiftedByAcknowledgement) {
  Signal signal = SignalOf("alice", "1");
  signal.action = WantedAction{WantedAction::Kind::kFreeze, 0, kHourUs};
  Record(signal);
  ASSERT_TRUE(In([&](sql::Transaction& t) {
                return store_.MarkAction(t, 1, now_us_, now_us_ + kHourUs);
              }).ok());
  EXPECT_THAT(*store_.ActionsToEnd(*db_, now_us_, 10), IsEmpty());
  EXPECT_TRUE(Acknowledge(1).action.lifted);
  EXPECT_EQ(store_.ActionsToEnd(*db_, now_us_, 10)->size(), 1u);
  ASSERT_TRUE(In([&](sql::Transaction& t) { return store_.EndAction(t, 1, now_us_); }).ok());
  // Acknowledged: it is not wanted again.
  signal.occurrence = "2";
  Record(signal);
  EXPECT_THAT(*store_.PendingActions(*db_, 10), IsEmpty());
  const auto marked =
      In([&](sql::Transaction& t) { return store_.MarkAction(t, 1, now_us_, now_us_ + kHourUs); });
  EXPECT_TRUE(absl::IsFailedPrecondition(marked.status())) << marked.status();
}

TEST_P(AlertStatesTest, WhatIsOnlyWantedIsDroppedWithItsAlert) {
  Signal signal = SignalOf("alice", "1");
  signal.action = WantedAction{WantedAction::Kind::kThrottle, 250, kHourUs};
  Record(signal);
  Record(Over(signal, "2"));
  EXPECT_THAT(*store_.PendingActions(*db_, 10), IsEmpty());
  EXPECT_EQ(Get(1).action.state, ActionState::kEnded);
  EXPECT_EQ(Get(1).action.from_us, 0);
}

TEST_P(AlertStatesTest, APersonResolvesAndLiftsWhatIsInForce) {
  Signal signal = SignalOf("alice", "1");
  signal.action = WantedAction{WantedAction::Kind::kThrottle, 250, kHourUs};
  Record(signal);
  ASSERT_TRUE(In([&](sql::Transaction& t) {
                return store_.MarkAction(t, 1, now_us_, now_us_ + kHourUs);
              }).ok());
  const auto resolved = In([&](sql::Transaction& t) {
    return store_.Resolve(t, "acme", 1, {"bob", ""}, now_us_);
  });
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->resolved_by, "bob");
  EXPECT_EQ(store_.ActionsToEnd(*db_, now_us_, 10)->size(), 1u);
  EXPECT_THAT(Told(), ElementsAre("A-1 firing", "A-1 resolved"));
}

TEST_P(AlertStatesTest, FeedbackForTheDetector) {
  RecordAll({SignalOf("alice", "1"), SignalOf("bob", "1")});
  const auto say = [&](int64_t number, Feedback feedback) {
    const auto said = In([&](sql::Transaction& t) {
      return store_.SetFeedback(t, "acme", number, feedback, {"bob", ""}, now_us_);
    });
    EXPECT_TRUE(said.ok()) << said.status();
  };
  EXPECT_THAT(*store_.FeedbackSince(*db_, 0, 10), IsEmpty());
  say(2, Feedback::kExpected);
  say(1, Feedback::kNotExpected);
  auto feedback = *store_.FeedbackSince(*db_, 0, 10);
  ASSERT_EQ(feedback.size(), 2u);
  EXPECT_EQ(feedback[0].second.number, 2);
  EXPECT_EQ(feedback[0].second.feedback, Feedback::kExpected);
  EXPECT_EQ(feedback[1].second.feedback_by, "bob");
  say(2, Feedback::kNotExpected);
  feedback = *store_.FeedbackSince(*db_, feedback[1].first, 10);
  ASSERT_EQ(feedback.size(), 1u);
  EXPECT_EQ(feedback[0].second.feedback, Feedback::kNotExpected);
}

QP_OVER_BOTH_DATABASES(AlertStatesTest);

}  // namespace
}  // namespace quotaplane
