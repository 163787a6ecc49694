#include "services/alerts/alert_actions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/alerts/alert_store.h"
#include "libs/control/test_stores.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Each `AlertParts` of a test is a process of its own.
class AlertActionsTest : public StoresTest {
 protected:
  AlertActionsTest() { Start(&parts_); }

  void Start(AlertParts* parts) {
    parts->database = sql::MustOpen({.url = url()});
    parts->changes = std::make_unique<Changes>(parts->database.get());
    parts->curbs = std::make_unique<CurbStore>(&codec_);
    parts->alerts = std::make_unique<AlertStore>([] { return std::make_shared<Receivers>(); });
  }

  Signal SignalOf(const std::string& user, std::optional<WantedAction> action) const {
    Signal signal;
    signal.org = "acme";
    signal.kind = AlertKind::kThreshold;
    signal.rule_id = "rule";
    signal.scope = absl::StrCat("{org=acme, user=", user, "}");
    signal.dimensions = {{"org", "acme"}, {"user", user}, {"limit", "user-month"}};
    signal.key = user;
    signal.occurrence = absl::StrCat("at ", now_us_);
    signal.summary = absl::StrCat("80 % by ", user);
    signal.at_us = now_us_;
    signal.action = action;
    return signal;
  }
  static WantedAction Freeze() { return {.kind = WantedAction::Kind::kFreeze, .for_us = kHourUs}; }
  static WantedAction Throttle() {
    return {.kind = WantedAction::Kind::kThrottle, .share_permille = 250, .for_us = kHourUs};
  }

  int64_t Record(const Signal& signal) {
    auto transaction = parts_.database->Begin();
    EXPECT_TRUE(transaction.ok()) << transaction.status();
    const auto recorded = parts_.alerts->Record(**transaction, {&signal, 1}, now_us_);
    EXPECT_TRUE(recorded.ok()) << recorded.status();
    EXPECT_TRUE((*transaction)->Commit().ok());
    return recorded->at(0).number;
  }
  void Keep() { Keep(&parts_); }
  void Keep(AlertParts* parts) {
    const absl::StatusOr<bool> kept = KeepActions(*parts, now_us_, now_us_);
    ASSERT_TRUE(kept.ok()) << kept.status();
  }
  TakenAction ActionOf(int64_t number) const {
    const auto alert = parts_.alerts->Get(*parts_.database, std::nullopt, number);
    EXPECT_TRUE(alert.ok()) << alert.status();
    return alert.ok() ? alert->action : TakenAction();
  }
  // "alert:A-1 BeginAlertAction OK", in order.
  std::vector<std::string> Audited() {
    std::vector<std::string> rows;
    for (const AuditRow& row : Chain()) {
      rows.push_back(absl::StrCat(row.actor, " ", row.action, " ", row.target, " ", row.outcome));
    }
    return rows;
  }
  // A person's word, as the service makes it: one change.
  absl::StatusOr<Alert> Say(int64_t number, bool resolve) {
    return Make(
        RequestOf("token:ann"), [&](const OpenChange& open) -> absl::StatusOr<Changed<Alert>> {
          Changed<Alert> made;
          made.record.target = "said";
          const AlertAuthor ann = {"ann", ""};
          auto alert =
              resolve ? parts_.alerts->Resolve(open.transaction, "acme", number, ann, now_us_)
                      : parts_.alerts->Acknowledge(open.transaction, "acme", number, ann, now_us_);
          if (!alert.ok()) return alert.status();
          made.now = *std::move(alert);
          if (absl::Status ended = EndLifted(parts_, open, &made); !ended.ok()) return ended;
          return made;
        });
  }

  AlertParts parts_;
};

TEST_P(AlertActionsTest, WhatIsWantedIsPutInForceOnceByTheAlert) {
  const int64_t number = Record(SignalOf("alice", Freeze()));
  EXPECT_EQ(ActionOf(number).state, ActionState::kWanted);
  EXPECT_EQ(Item("curbs/acme"), "(none)");
  Keep();
  const TakenAction taken = ActionOf(number);
  EXPECT_EQ(taken.state, ActionState::kInForce);
  EXPECT_EQ(taken.from_us, now_us_);
  EXPECT_EQ(taken.until_us, now_us_ + kHourUs);
  EXPECT_THAT(Item("curbs/acme"),
              HasSubstr(absl::StrCat("A-1 freeze {org=acme, user=alice} from 0 until ",
                                     now_us_ + kHourUs)));
  Keep();
  now_us_ += kHourUs / 2;
  Keep();
  EXPECT_THAT(Audited(), ElementsAre("alert:A-1 BeginAlertAction alert/A-1 OK"));
  EXPECT_EQ(LastAudit("reason"), "80 % by alice");
}

TEST_P(AlertActionsTest, AThrottleIsOfTheLimitAlone) {
  Record(SignalOf("alice", Throttle()));
  Keep();
  EXPECT_THAT(Item("curbs/acme"), HasSubstr("A-1 to 250 {org=acme, user=alice}user-month from"));
}

TEST_P(AlertActionsTest, EndsWhenItSays) {
  const int64_t number = Record(SignalOf("alice", Throttle()));
  Keep();
  now_us_ += kHourUs - 1;
  Keep();
  EXPECT_EQ(ActionOf(number).state, ActionState::kInForce);
  now_us_ += 1;
  Keep();
  EXPECT_EQ(ActionOf(number).state, ActionState::kEnded);
  EXPECT_EQ(ActionOf(number).until_us, now_us_);
  Keep();
  EXPECT_THAT(Audited(), ElementsAre("alert:A-1 BeginAlertAction alert/A-1 OK",
                                     "alert:A-1 EndAlertAction alert/A-1 OK"));
}

TEST_P(AlertActionsTest, AcknowledgingEndsAFreezeInTheSameChange) {
  const int64_t number = Record(SignalOf("alice", Freeze()));
  Keep();
  now_us_ += 1'000'000;
  const absl::StatusOr<Alert> said = Say(number, /*resolve=*/false);
  ASSERT_TRUE(said.ok()) << said.status();
  EXPECT_EQ(said->action.state, ActionState::kEnded);
  EXPECT_EQ(said->action.until_us, now_us_);
  EXPECT_EQ(Item("curbs/acme"), "");  // taken away
  Keep();
  EXPECT_THAT(Audited(),
              ElementsAre("alert:A-1 BeginAlertAction alert/A-1 OK", "token:ann Test said OK"));
}

TEST_P(AlertActionsTest, AcknowledgingLeavesAThrottleAndResolvingEndsIt) {
  const int64_t number = Record(SignalOf("alice", Throttle()));
  Keep();
  ASSERT_TRUE(Say(number, /*resolve=*/false).ok());
  EXPECT_EQ(ActionOf(number).state, ActionState::kInForce);
  EXPECT_THAT(Item("curbs/acme"), HasSubstr("A-1"));
  ASSERT_TRUE(Say(number, /*resolve=*/true).ok());
  EXPECT_EQ(ActionOf(number).state, ActionState::kEnded);
  EXPECT_EQ(Item("curbs/acme"), "");  // taken away
}

TEST_P(AlertActionsTest, WhatIsAcknowledgedBeforeItIsInForceNeverIs) {
  const int64_t number = Record(SignalOf("alice", Freeze()));
  ASSERT_TRUE(Say(number, /*resolve=*/false).ok());
  Keep();
  EXPECT_EQ(ActionOf(number).state, ActionState::kEnded);
  EXPECT_EQ(ActionOf(number).from_us, 0);
  EXPECT_EQ(Item("curbs/acme"), "(none)");
}

TEST_P(AlertActionsTest, SeveralProcessesDoItOnce) {
  std::vector<AlertParts> processes(3);
  for (AlertParts& parts : processes) Start(&parts);
  const auto all_keep = [&] {
    std::vector<std::thread> threads;
    for (AlertParts& parts : processes) threads.emplace_back([&] { Keep(&parts); });
    for (std::thread& thread : threads) thread.join();
  };
  for (int i = 0; i < 10; ++i) Record(SignalOf(absl::StrCat("user-", i), Freeze()));
  all_keep();
  all_keep();
  EXPECT_EQ(Count("SELECT COUNT(*) FROM alerts WHERE action_state = 'in_force'"), 10);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit_log WHERE action = 'BeginAlertAction' AND outcome = "
                  "'OK'"),
            10);
  now_us_ += kHourUs;
  all_keep();
  EXPECT_EQ(Count("SELECT COUNT(*) FROM alerts WHERE action_state = 'ended'"), 10);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit_log WHERE action = 'EndAlertAction' AND outcome = "
                  "'OK'"),
            10);
}

TEST_P(AlertActionsTest, WhatAProcessLeavesTheNextOneDoes) {
  const int64_t number = Record(SignalOf("alice", Freeze()));
  parts_ = AlertParts();
  Start(&parts_);
  Keep();
  EXPECT_EQ(ActionOf(number).state, ActionState::kInForce);
  parts_ = AlertParts();
  now_us_ += 2 * kHourUs;
  Start(&parts_);
  Keep();
  EXPECT_EQ(ActionOf(number).state, ActionState::kEnded);
}

TEST_P(AlertActionsTest, WhatIsRefusedIsTriedOnceAndHoldsUpNoOther) {
  Signal wrong = SignalOf("bob", Freeze());
  for (int i = 0; i < 20; ++i) wrong.dimensions.emplace_back(absl::StrCat("labels.l", i), "x");
  const int64_t refused = Record(wrong);
  const int64_t number = Record(SignalOf("alice", Freeze()));
  Keep();
  Keep();
  EXPECT_EQ(ActionOf(refused).state, ActionState::kEnded);
  EXPECT_EQ(ActionOf(number).state, ActionState::kInForce);
  EXPECT_THAT(Audited(), ElementsAre("alert:A-1 BeginAlertAction alert/A-1 INVALID_ARGUMENT",
                                     "alert:A-2 BeginAlertAction alert/A-2 OK"));
}

QP_OVER_BOTH_DATABASES(AlertActionsTest);

}  // namespace
}  // namespace quotaplane
