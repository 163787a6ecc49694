#include "tools/quotactl/alert_render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/quotactl/alert_words.h"

namespace quotaplane::quotactl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const terminal::Style kPlain(false);
constexpr int64_t kNowS = 1'764'000'000;  // 2025-11-24 16:00:00
const absl::Time kNow = absl::FromUnixSeconds(kNowS);
constexpr int64_t kUsd = 1'000'000'000;

v1::Alert Anomaly() {
  v1::Alert alert;
  alert.set_alert_id("A-17");
  alert.set_org("acme");
  alert.set_kind(v1::ALERT_KIND_ANOMALY);
  alert.set_rule_id("spend");
  alert.set_severity(v1::ALERT_SEVERITY_CRITICAL);
  alert.set_state(v1::ALERT_STATE_FIRING);
  alert.set_scope("{org=acme, user=alice}");
  (*alert.mutable_dimensions())["user"] = "alice";
  (*alert.mutable_dimensions())["signal"] = "cost";
  alert.set_summary("spends 12 times as much as usual");
  alert.set_unit("usd");
  alert.set_expected(5 * kUsd);
  alert.set_actual(60 * kUsd + kUsd / 2);
  alert.mutable_first_seen_time()->set_seconds(kNowS - 300);
  alert.mutable_last_seen_time()->set_seconds(kNowS - 60);
  alert.set_occurrences(3);
  v1::Contributor* const session = alert.add_contributors();
  session->set_dimension("labels.session");
  session->set_value("s-1");
  session->set_actual(50 * kUsd);
  v1::Contributor* const model = alert.add_contributors();
  model->set_dimension("model");
  model->set_value("small");
  model->set_expected(5 * kUsd);
  model->set_actual(4 * kUsd);
  return alert;
}

v1::AlertAction Freeze() {
  v1::AlertAction action;
  action.set_kind(v1::AlertAction::KIND_FREEZE);
  action.mutable_start_time()->set_seconds(kNowS - 120);
  action.mutable_end_time()->set_seconds(kNowS + 3'600);
  return action;
}

TEST(AlertRender, OneWithAllThatIsKnown) {
  v1::Alert alert = Anomaly();
  *alert.mutable_action() = Freeze();
  EXPECT_EQ(AlertAsText(alert, kNow, kPlain),
            R"(Alert A-17 of acme: spends 12 times as much as usual
  state       firing
  severity    critical
  kind        anomaly
  rule        spend
  scope       {org=acme, user=alice}
  dimensions  signal=cost, user=alice
  expected    $5.00
  came        $60.50, 12.1 times as much
  first seen  2025-11-24 15:55:00 UTC (5m ago)
  last seen   2025-11-24 15:59:00 UTC (1m ago), 3 times
  action      frozen until 2025-11-24 17:00 UTC, in force for 2m

Who made the difference:
  DIMENSION       VALUE  EXPECTED    CAME  DIFFERENCE
  labels.session  s-1       $0.00  $50.00     +$50.00
  model           small     $5.00   $4.00      -$1.00
)");
}

TEST(AlertRender, OneThatIsOver) {
  v1::Alert alert = Anomaly();
  alert.clear_contributors();
  alert.clear_dimensions();
  alert.set_state(v1::ALERT_STATE_RESOLVED);
  alert.set_occurrences(1);
  *alert.mutable_action() = Freeze();
  alert.mutable_action()->mutable_end_time()->set_seconds(kNowS - 30);
  alert.mutable_action()->set_ended(true);
  alert.set_acknowledged_by("token:ann");
  alert.mutable_acknowledge_time()->set_seconds(kNowS - 30);
  alert.mutable_resolve_time()->set_seconds(kNowS);
  alert.set_comment("a load test\nof ours");
  alert.set_feedback(v1::ALERT_FEEDBACK_EXPECTED);
  alert.set_feedback_by("token:bob");
  EXPECT_EQ(AlertAsText(alert, kNow, kPlain),
            R"(Alert A-17 of acme: spends 12 times as much as usual
  state         resolved
  severity      critical
  kind          anomaly
  rule          spend
  scope         {org=acme, user=alice}
  expected      $5.00
  came          $60.50, 12.1 times as much
  first seen    2025-11-24 15:55:00 UTC (5m ago)
  last seen     2025-11-24 15:59:00 UTC (1m ago)
  action        was frozen until 2025-11-24 15:59 UTC
  acknowledged  token:ann, 2025-11-24 15:59:30 UTC (30s ago)
  resolved      2025-11-24 16:00:00 UTC (in 0s)
  comment       a load test of ours
  feedback      expected, by token:bob
)");
}

TEST(AlertRender, OneOfALimitAndOneOfTheDeployment) {
  v1::Alert alert = Anomaly();
  alert.set_kind(v1::ALERT_KIND_THRESHOLD);
  alert.set_unit("total_tokens");
  alert.clear_expected();
  alert.set_actual(8'120);
  alert.set_amount(10'000);
  const std::string text = AlertAsText(alert, kNow, kPlain);
  EXPECT_THAT(text, HasSubstr("  came        8,120 total tokens, 81.2% of the limit\n"
                              "  limit       10,000 total tokens\n"));
  EXPECT_THAT(text, Not(HasSubstr("expected  ")));

  v1::Alert backlog;
  backlog.set_alert_id("A-3");
  backlog.set_kind(v1::ALERT_KIND_OPERATIONS);
  backlog.set_rule_id("operations/backlog");
  backlog.set_summary("4,100 charges wait");
  const std::string own = AlertAsText(backlog, kNow, kPlain);
  EXPECT_THAT(own, HasSubstr("Alert A-3 of the deployment: 4,100 charges wait\n"));
  for (const char* absent : {"scope", "came", "limit", "action", "Who made"}) {
    EXPECT_THAT(own, Not(HasSubstr(absent)));
  }
}

TEST(AlertRender, ListsHaveAColumnForActionsWhereThereAreAny) {
  v1::ListAlertsResponse response;
  EXPECT_EQ(AlertsAsText(response, kPlain), "");
  *response.add_alerts() = Anomaly();
  v1::Alert* const other = response.add_alerts();
  *other = Anomaly();
  other->set_alert_id("A-9");
  other->set_state(v1::ALERT_STATE_ACKNOWLEDGED);
  other->set_severity(v1::ALERT_SEVERITY_INFO);
  other->set_kind(v1::ALERT_KIND_FORECAST);
  other->set_scope("{org=acme}");
  other->set_summary("ends on the 23rd");
  EXPECT_EQ(
      AlertsAsText(response, kPlain),
      R"(ALERT  STATE         SEVERITY  KIND      LAST SEEN (UTC)      SCOPE                   SUMMARY
A-17   firing        critical  anomaly   2025-11-24 15:59:00  {org=acme, user=alice}  spends 12 times as much as usual
A-9    acknowledged  info      forecast  2025-11-24 15:59:00  {org=acme}              ends on the 23rd
)");
  *response.mutable_alerts(0)->mutable_action() = Freeze();
  response.set_next_page_token("x");
  const std::string text = AlertsAsText(response, kPlain);
  EXPECT_THAT(text, HasSubstr("  ACTION (UTC)                   SUMMARY\n"));
  EXPECT_THAT(text, HasSubstr("  frozen until 2025-11-24 17:00  spends 12"));
  EXPECT_THAT(text, HasSubstr("--most"));
}

TEST(AlertRender, ALineIsALine) {
  v1::Alert alert = Anomaly();
  EXPECT_EQ(AlertLine(alert, kPlain),
            "2025-11-24 15:59:00  A-17    firing        critical  anomaly     "
            "{org=acme, user=alice}  spends 12 times as much as usual\n");
  *alert.mutable_action() = Freeze();
  alert.set_state(v1::ALERT_STATE_ACKNOWLEDGED);
  alert.mutable_acknowledge_time()->set_seconds(kNowS);
  alert.set_summary("evil\n\x1b[2Jname");
  EXPECT_EQ(AlertLine(alert, kPlain),
            "2025-11-24 16:00:00  A-17    acknowledged  critical  anomaly     "
            "{org=acme, user=alice}  evil  [2Jname  [frozen until 2025-11-24 17:00]\n");
}

TEST(AlertRender, ColoursSayHowBad) {
  const std::string line = AlertLine(Anomaly(), terminal::Style(true));
  EXPECT_THAT(line, HasSubstr("\x1b[31mfiring\x1b[0m        \x1b[31mcritical\x1b[0m  anomaly"));
  EXPECT_THAT(AlertAsText(Anomaly(), kNow, terminal::Style(true)),
              HasSubstr("\x1b[31mcritical\x1b[0m"));
}

TEST(AlertWords, OfActions) {
  v1::AlertAction action;
  EXPECT_EQ(ActionWords(action), "");
  action.set_kind(v1::AlertAction::KIND_THROTTLE);
  action.set_share_permille(200);
  EXPECT_EQ(ActionWords(action), "to be throttled to 20%");
  action.set_share_permille(125);
  action.mutable_start_time()->set_seconds(kNowS);
  action.mutable_end_time()->set_seconds(kNowS + 60);
  EXPECT_EQ(ActionWords(action), "throttled to 12.5% until 2025-11-24 16:01");
  action.set_ended(true);
  EXPECT_EQ(ActionWords(action), "");
}

TEST(AlertWords, AreThoseOfTheFlags) {
  EXPECT_THAT(WordsOf<v1::AlertState>(),
              ElementsAre("firing", "acknowledged", "silenced", "resolved"));
  EXPECT_THAT(WordsOf<v1::AlertKind>(),
              ElementsAre("threshold", "forecast", "anomaly", "runaway", "operations"));
  EXPECT_THAT(WordsOf<v1::DeliveryState>(), ElementsAre("pending", "delivered", "dead"));
  EXPECT_THAT(WordsOf<v1::AlertFeedback>(), ElementsAre("expected", "not-expected"));
  EXPECT_THAT(WordsOf<v1::AlertSeverity>(), ElementsAre("info", "warning", "critical"));
  EXPECT_EQ(ValueOf<v1::AlertKind>("runaway"), v1::ALERT_KIND_RUNAWAY);
  EXPECT_EQ(ValueOf<v1::AlertKind>("?"), v1::ALERT_KIND_UNSPECIFIED);
}

}  // namespace
}  // namespace quotaplane::quotactl
