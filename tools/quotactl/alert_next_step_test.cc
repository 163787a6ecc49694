#include "tools/quotactl/alert_next_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const terminal::Style kPlain(false);

v1::Alert Alert(v1::AlertKind kind, v1::AlertState state) {
  v1::Alert alert;
  alert.set_alert_id("A-17");
  alert.set_org("a b");
  alert.set_kind(kind);
  alert.set_state(state);
  (*alert.mutable_dimensions())["team"] = "search";
  (*alert.mutable_dimensions())["user"] = "o'neil";
  return alert;
}

TEST(AlertNextStep, OfOneThatFires) {
  v1::Alert alert = Alert(v1::ALERT_KIND_ANOMALY, v1::ALERT_STATE_FIRING);
  EXPECT_EQ(NextStep(alert, kPlain),
            R"(
Next:
  quotactl alert ack A-17 --org 'a b'                                                                     somebody sees to it: no more messages while it lasts
  quotactl alert feedback A-17 expected --org 'a b'                                                       the like is not told again; or not-expected
  quotactl alert silence --match kind=anomaly --match 'user=o'\''neil' --for 2h --reason WHY --org 'a b'  no messages of the like for a time
  quotactl alert resolve A-17 --org 'a b'                                                                 it is over
)");
  alert.mutable_action()->set_kind(v1::AlertAction::KIND_FREEZE);
  const std::string frozen = NextStep(alert, kPlain);
  EXPECT_THAT(frozen, HasSubstr("and the freeze ends"));
  EXPECT_THAT(frozen, HasSubstr("what was done to the scope ends"));
  alert.mutable_action()->set_ended(true);
  EXPECT_THAT(NextStep(alert, kPlain), Not(HasSubstr("freeze")));
}

TEST(AlertNextStep, OfOthers) {
  const std::string acknowledged =
      NextStep(Alert(v1::ALERT_KIND_THRESHOLD, v1::ALERT_STATE_ACKNOWLEDGED), kPlain);
  EXPECT_THAT(acknowledged, HasSubstr("alert resolve A-17"));
  for (const char* past : {"alert ack", "alert silence", "alert feedback"}) {
    EXPECT_THAT(acknowledged, Not(HasSubstr(past)));
  }
  EXPECT_THAT(NextStep(Alert(v1::ALERT_KIND_THRESHOLD, v1::ALERT_STATE_SILENCED), kPlain),
              HasSubstr("alert ack A-17"));
  EXPECT_EQ(NextStep(Alert(v1::ALERT_KIND_THRESHOLD, v1::ALERT_STATE_RESOLVED), kPlain), "");
  v1::Alert detected = Alert(v1::ALERT_KIND_RUNAWAY, v1::ALERT_STATE_RESOLVED);
  EXPECT_THAT(NextStep(detected, kPlain), HasSubstr("alert feedback A-17 expected"));
  detected.set_feedback(v1::ALERT_FEEDBACK_NOT_EXPECTED);
  EXPECT_EQ(NextStep(detected, kPlain), "");
  v1::Alert own = Alert(v1::ALERT_KIND_OPERATIONS, v1::ALERT_STATE_FIRING);
  own.clear_org();
  EXPECT_THAT(NextStep(own, kPlain), HasSubstr("alert ack A-17 --deployment  "));
}

TEST(AlertNextStep, OfASilence) {
  v1::Silence silence;
  silence.set_org("acme");
  silence.set_silence_id("S-3");
  silence.mutable_end_time()->set_seconds(100);
  EXPECT_THAT(NextStep(silence, absl::FromUnixSeconds(99)),
              HasSubstr("\n  quotactl alert unsilence S-3 --org acme\n"));
  EXPECT_EQ(NextStep(silence, absl::FromUnixSeconds(100)), "");
  silence.set_ended_by("token:ann");
  EXPECT_EQ(NextStep(silence, absl::FromUnixSeconds(99)), "");
}

TEST(AlertNextStep, OfDeadDeliveries) {
  v1::ListDeliveriesResponse response;
  response.add_deliveries()->set_state(v1::DELIVERY_STATE_DELIVERED);
  EXPECT_EQ(NextStep(response, "acme"), "");
  v1::Delivery* const dead = response.add_deliveries();
  dead->set_state(v1::DELIVERY_STATE_DEAD);
  dead->set_delivery_id(42);
  EXPECT_THAT(NextStep(response, "acme"),
              HasSubstr("\n  quotactl alert send-again 42 --org acme\n"));
}

TEST(AlertNextStep, InPlaceOfATableWithoutRows) {
  EXPECT_EQ(NoAlerts("acme", false, kPlain), R"(No alerts.

Next:
  quotactl alert watch --org acme         each as it is raised
  quotactl policy show --org acme --yaml  its `alerts` say what raises one
)");
  EXPECT_EQ(NoAlerts("", false, kPlain), R"(No alerts.

Next:
  quotactl alert watch --deployment  each as it is raised
)");
  EXPECT_EQ(NoAlerts("acme", true, kPlain), R"(No such alerts.

Next:
  quotactl alert list --org acme  all of them
)");
  EXPECT_THAT(NoSilences("acme", false, kPlain), HasSubstr("alert silences --ended --org acme"));
  EXPECT_THAT(NoSilences("acme", true, kPlain), Not(HasSubstr("--ended")));
  EXPECT_THAT(NoDeliveries("acme", false, kPlain), HasSubstr("quotactl alert test RECEIVER"));
  EXPECT_THAT(NoDeliveries("acme", true, kPlain),
              HasSubstr("quotactl alert deliveries --org acme"));
}

}  // namespace
}  // namespace quotaplane::quotactl
