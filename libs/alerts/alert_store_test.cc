// Lists, changes, bounds and the end of things, over both databases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "libs/alerts/test_alerts.h"
#include "libs/base/error.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<int64_t> NumbersOf(const absl::StatusOr<std::vector<Alert>>& alerts) {
  EXPECT_TRUE(alerts.ok()) << alerts.status();
  std::vector<int64_t> numbers;
  for (const Alert& alert : *alerts) numbers.push_back(alert.number);
  return numbers;
}

class AlertStoreTest : public AlertsTest {};

TEST_P(AlertStoreTest, Lists) {
  Signal beta = SignalOf("bea", "1");
  beta.org = "beta";
  beta.kind = AlertKind::kForecast;
  Signal own = SignalOf("backlog", "1");
  own.org = "";
  own.kind = AlertKind::kOperations;
  RecordAll({SignalOf("alice", "1"), SignalOf("bob", "1"), beta, own});
  now_us_ += kMinuteUs;
  Signal over = SignalOf("alice", "2");
  over.over = true;
  RecordAll({over, SignalOf("carol", "1")});

  EXPECT_THAT(NumbersOf(store_.List(*db_, {}, 0, 10)), ElementsAre(5, 4, 3, 2, 1));
  EXPECT_THAT(NumbersOf(store_.List(*db_, {}, 4, 2)), ElementsAre(3, 2));
  EXPECT_THAT(NumbersOf(store_.List(*db_, {.org = "acme"}, 0, 10)), ElementsAre(5, 2, 1));
  EXPECT_THAT(NumbersOf(store_.List(*db_, {.org = ""}, 0, 10)), ElementsAre(4));
  EXPECT_THAT(NumbersOf(store_.List(*db_, {.states = {AlertState::kResolved}}, 0, 10)),
              ElementsAre(1));
  EXPECT_THAT(
      NumbersOf(store_.List(*db_, {.kinds = {AlertKind::kForecast, AlertKind::kOperations}}, 0, 9)),
      ElementsAre(4, 3));
  EXPECT_THAT(NumbersOf(store_.List(*db_, {.told_since_us = now_us_}, 0, 10)), ElementsAre(5));
  const auto counts = *store_.Counts(*db_);
  EXPECT_EQ(counts.at({AlertState::kFiring, AlertKind::kThreshold}), 2);
  EXPECT_EQ(counts.at({AlertState::kFiring, AlertKind::kForecast}), 1);
  EXPECT_EQ(counts.size(), 3u);
}

TEST_P(AlertStoreTest, ChangesAreFollowedWithoutGaps) {
  RecordAll({SignalOf("alice", "1"), SignalOf("bob", "1")});
  const int64_t since = *store_.LastSequence(*db_);
  EXPECT_THAT(NumbersOf(store_.ChangesSince(*db_, "acme", 0, 10)), ElementsAre(1, 2));
  EXPECT_THAT(NumbersOf(store_.ChangesSince(*db_, "acme", since, 10)), IsEmpty());
  Record(SignalOf("alice", "2"));
  Record(SignalOf("carol", "1"));
  EXPECT_THAT(NumbersOf(store_.ChangesSince(*db_, "acme", since, 10)), ElementsAre(1, 3));
  EXPECT_THAT(NumbersOf(store_.ChangesSince(*db_, "beta", 0, 10)), IsEmpty());
  // Repetitions change nothing.
  const int64_t last = *store_.LastSequence(*db_);
  Record(SignalOf("carol", "1"));
  EXPECT_EQ(*store_.LastSequence(*db_), last);
}

TEST_P(AlertStoreTest, NothingOfATransactionThatFailsIsKept) {
  {
    const auto transaction = *db_->Begin();
    ASSERT_TRUE(store_.Record(*transaction, {SignalOf("alice", "1")}, now_us_).ok());
  }
  EXPECT_THAT(NumbersOf(store_.List(*db_, {}, 0, 10)), IsEmpty());
  EXPECT_THAT(Told(), IsEmpty());
  EXPECT_EQ(Record(SignalOf("alice", "1")).outcome, RecordOutcome::kOpened);
}

TEST_P(AlertStoreTest, BadSignalsAreRefusedByName) {
  Signal bad = SignalOf("alice", "1");
  bad.key = std::string(kMaxAlertKeyBytes + 1, 'k');
  bad.rule_id = "";
  bad.summary = "two\nlines";
  bad.dimensions = {{"User", "x"}, {"team", ""}, {"a", "b"}, {"a", "c"}};
  bad.hold_off_us = -1;
  bad.at_us = 0;
  bad.action = WantedAction{WantedAction::Kind::kThrottle, 1000, 0};
  const auto refused = In([&](sql::Transaction& t) {
    return store_.Record(t, {SignalOf("bob", "1"), bad}, now_us_);
  });
  ASSERT_TRUE(absl::IsInvalidArgument(refused.status())) << refused.status();
  for (const char* field :
       {"signals[1].key", "signals[1].rule_id", "signals[1].summary", "signals[1].dimensions[0]",
        "signals[1].dimensions[1]", "signals[1].hold_off_us", "signals[1].at_us",
        "signals[1].action.share_permille", "signals[1].action.for_us"}) {
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(field));
  }
  EXPECT_THAT(NumbersOf(store_.List(*db_, {}, 0, 10)), IsEmpty());
  const auto many = In([&](sql::Transaction& t) {
    return store_.Record(t, std::vector<Signal>(kMaxSignalsAtOnce + 1, SignalOf("a", "1")),
                         now_us_);
  });
  EXPECT_TRUE(absl::IsInvalidArgument(many.status())) << many.status();
}

TEST_P(AlertStoreTest, OpenAlertsOfAnOrgAreBounded) {
  Record(SignalOf("alice", "1"));
  const std::string digest = postgres() ? "decode(md5(CAST(i AS TEXT)), 'hex')" : "randomblob(16)";
  const std::string columns =
      "org, state, kind, rule_id, severity, opened_severity, signal, opened_at_us, recorded_at_us, "
      "told_at_us, tellings, hold_off_us, resolved_by, acknowledged_by, acknowledge_comment, "
      "feedback, feedback_by, told_firing, action_state, action_lifted";
  // In parts, since a statement has a bound in time.
  constexpr size_t kPart = 10'000;
  for (size_t first = 2; first < kMaxOpenAlerts; first += kPart) {
    Must(absl::StrCat("INSERT INTO alerts (number, key_digest, sequence, ", columns,
                      ") WITH RECURSIVE n(i) AS (SELECT ", first,
                      " UNION ALL SELECT i + 1 FROM n WHERE i < ",
                      std::min(first + kPart, kMaxOpenAlerts) - 1, ") SELECT i, ", digest, ", i, ",
                      columns, " FROM n, alerts WHERE number = 1"));
  }
  Must(absl::StrCat("UPDATE alert_head SET alert = ", kMaxOpenAlerts - 1,
                    ", sequence = ", kMaxOpenAlerts - 1));
  Signal beta = SignalOf("bea", "1");
  beta.org = "beta";
  const auto recorded =
      RecordAll({SignalOf("last", "1"), SignalOf("more", "1"), beta, SignalOf("alice", "2")});
  EXPECT_EQ(recorded[0].outcome, RecordOutcome::kOpened);
  EXPECT_EQ(recorded[1].outcome, RecordOutcome::kTooMany);
  EXPECT_EQ(recorded[2].outcome, RecordOutcome::kOpened);
  EXPECT_EQ(recorded[3].outcome, RecordOutcome::kUpdated);
  Signal over = SignalOf("last", "2");
  over.over = true;
  Record(over);
  EXPECT_EQ(Record(SignalOf("more", "2")).outcome, RecordOutcome::kOpened);
  EXPECT_EQ(NumbersOf(store_.List(*db_, {}, 0, 1)),
            std::vector<int64_t>({static_cast<int64_t>(kMaxOpenAlerts) + 2}));
}

TEST_P(AlertStoreTest, WhatIsOldGoes) {
  Signal over = SignalOf("alice", "2");
  over.over = true;
  RecordAll({SignalOf("alice", "1"), over, SignalOf("bob", "1")});
  Silence silence;
  silence.org = "acme";
  silence.matchers = {{"user", "nobody"}};
  silence.until_us = now_us_ + kHourUs;
  silence.reason = "x";
  ASSERT_TRUE(In([&](sql::Transaction& t) { return store_.AddSilence(t, silence, now_us_); }).ok());
  Must("UPDATE alert_messages SET state = 'sent', open = 0, ended_at_us = created_at_us");
  Must("DELETE FROM alert_message_items");
  const auto expire = [&] {
    for (bool more = true; more;) {
      const auto expired = In([&](sql::Transaction& t) { return store_.Expire(t, now_us_); });
      ASSERT_TRUE(expired.ok()) << expired.status();
      more = *expired;
    }
  };
  const auto count = [&](const std::string& table) {
    return sql::MustCount(*db_, "SELECT COUNT(*) FROM " + table);
  };
  now_us_ += kHourUs;
  Advance();
  expire();
  EXPECT_EQ(count("alert_messages"), 1);
  EXPECT_EQ(count("alert_occurrences"), 3);
  now_us_ += kKeepSentUs;
  expire();
  EXPECT_EQ(count("alert_messages"), 0);
  now_us_ += kOccurrenceUs;
  expire();
  EXPECT_EQ(count("alert_occurrences"), 0);
  EXPECT_EQ(count("alerts"), 2);
  EXPECT_EQ(count("alert_silences"), 1);
  now_us_ += kKeepAlertUs;
  expire();
  EXPECT_EQ(count("alert_silences"), 0);
  // Of the open one nothing was heard: it ends, and goes later.
  EXPECT_THAT(NumbersOf(store_.List(*db_, {}, 0, 10)), ElementsAre(2));
  EXPECT_EQ(Get(2).state, AlertState::kResolved);
  now_us_ += kKeepAlertUs;
  expire();
  EXPECT_EQ(count("alerts"), 0);
}

// Two recorders at once: no alert is lost, opened twice, or numbered twice.
TEST_P(AlertStoreTest, RecordersAtOnce) {
  constexpr int kThreads = 3, kRounds = 20;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < kRounds; ++round) {
        // Its own, and one that all tell.
        RecordAll({SignalOf(absl::StrCat("t", thread, "r", round), "1"),
                   SignalOf(absl::StrCat("shared", round), "1"),
                   SignalOf("all", absl::StrCat(thread, "/", round))});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const int64_t alerts = kThreads * kRounds + kRounds + 1;
  EXPECT_EQ(sql::MustCount(*db_, "SELECT COUNT(*) FROM alerts"), alerts);
  EXPECT_EQ(sql::MustCount(*db_, "SELECT alert FROM alert_head"), alerts);
  EXPECT_EQ(sql::MustCount(*db_, "SELECT MAX(tellings) FROM alerts"), kThreads * kRounds);
}

TEST_P(AlertStoreTest, AnEndThatWasSeenBeforeTheLastTellingIsNone) {
  const Signal first = SignalOf("alice", "october");
  const int64_t number = Record(first).number;
  Signal again = SignalOf("alice", "november");
  again.at_us = first.at_us + kMinuteUs;
  Record(again);
  Signal over = SignalOf("alice", "over/1");
  over.over = true;
  over.at_us = again.at_us - 1;
  EXPECT_EQ(Record(over).outcome, RecordOutcome::kNothing);
  EXPECT_EQ(Get(number).state, AlertState::kFiring);
  over.occurrence = "over/2";
  over.at_us = again.at_us;
  EXPECT_EQ(Record(over).outcome, RecordOutcome::kResolved);
}

QP_OVER_BOTH_DATABASES(AlertStoreTest);

TEST(SignalTest, FitText) {
  EXPECT_EQ(FitText("hello", 5), "hello");
  EXPECT_EQ(FitText("hello world", 8), "hello…");
  EXPECT_EQ(FitText("äöü", 6), "äöü");
  EXPECT_EQ(FitText("äöüä", 6), "ä…");
  EXPECT_EQ(FitText("a\nb\xff", 10), "a b ");
  EXPECT_EQ(FitText("abc", 2), "");
}

TEST(SignalTest, Names) {
  EXPECT_EQ(ParseAlertName("A-17"), 17);
  EXPECT_EQ(ParseAlertName("17"), 17);
  for (const char* bad : {"", "A-", "A-0", "A--1", "B-1", "A-1x", "A-99999999999999999999"}) {
    EXPECT_EQ(ParseAlertName(bad), std::nullopt) << bad;
  }
  for (const AlertKind kind : {AlertKind::kThreshold, AlertKind::kForecast, AlertKind::kAnomaly,
                               AlertKind::kRunaway, AlertKind::kOperations}) {
    EXPECT_EQ(ParseAlertKind(AlertKindName(kind)), kind);
  }
  EXPECT_EQ(ParseSeverity("bad"), std::nullopt);
}

}  // namespace
}  // namespace quotaplane
