#include "services/alerts/alert_convert.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quotaplane {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kAtUs = 1'793'491'200'000'000;  // 2026-11-01 00:00 UTC
constexpr int64_t kSecondUs = 1'000'000;

Alert FullAlert() {
  Alert alert;
  alert.number = 17;
  Signal& signal = alert.signal;
  signal.org = "acme";
  signal.kind = AlertKind::kRunaway;
  signal.rule_id = "runaways";
  signal.severity = Severity::kCritical;
  signal.scope = "{org=acme, user=alice}";
  signal.dimensions = {{"user", "alice"}};
  signal.key = "not for callers";
  signal.summary = "alice runs away";
  signal.unit = "usd";
  signal.expected = 0;
  signal.actual = 7;
  signal.amount = 9;
  signal.contributors = {{"user", "alice", 1, 5}, {"model", "big", 2, 2}};
  signal.action = WantedAction{WantedAction::Kind::kThrottle, 250, 60 * kSecondUs};
  signal.at_us = kAtUs - 1;
  alert.state = AlertState::kAcknowledged;
  alert.opened_at_us = kAtUs;
  alert.recorded_at_us = kAtUs + kSecondUs;
  alert.told_at_us = kAtUs + 2 * kSecondUs;
  alert.tellings = 3;
  alert.acknowledged_by = "token:bob";
  alert.acknowledge_comment = "on it";
  alert.acknowledged_at_us = kAtUs + 4 * kSecondUs;
  alert.feedback = Feedback::kNotExpected;
  alert.feedback_by = "token:eve";
  alert.action = {ActionState::kInForce, *signal.action, kAtUs, kAtUs + 60 * kSecondUs, false};
  alert.sequence = 99;
  return alert;
}

std::string JsonOf(const google::protobuf::Message& message) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(message, &json, options).ok());
  return json;
}

TEST(AlertConvert, AnAlertComesWhole) {
  v1::Alert proto;
  ToProto(FullAlert(), &proto);
  EXPECT_EQ(JsonOf(proto),
            R"({"alert_id":"A-17","org":"acme","kind":"ALERT_KIND_RUNAWAY","rule_id":"runaways",)"
            R"("severity":"ALERT_SEVERITY_CRITICAL","state":"ALERT_STATE_ACKNOWLEDGED",)"
            R"("scope":"{org=acme, user=alice}","dimensions":{"user":"alice"},)"
            R"("summary":"alice runs away","unit":"usd","expected":"0","actual":"7","amount":"9",)"
            R"("contributors":[{"dimension":"user","value":"alice","expected":"1","actual":"5"},)"
            R"({"dimension":"model","value":"big","expected":"2","actual":"2"}],)"
            R"("first_seen_time":"2026-11-01T00:00:00Z","last_seen_time":"2026-11-01T00:00:02Z",)"
            R"("occurrences":"3","acknowledged_by":"token:bob",)"
            R"("acknowledge_time":"2026-11-01T00:00:04Z","comment":"on it",)"
            R"("feedback":"ALERT_FEEDBACK_NOT_EXPECTED","feedback_by":"token:eve",)"
            R"("action":{"kind":"KIND_THROTTLE","share_permille":250,)"
            R"("start_time":"2026-11-01T00:00:00Z","end_time":"2026-11-01T00:01:00Z"},)"
            R"("sequence":"99"})");
}

TEST(AlertConvert, WhatIsNotThereIsAbsentAndNotZero) {
  Alert alert;
  alert.number = 1;
  alert.opened_at_us = alert.told_at_us = kAtUs;
  v1::Alert proto;
  ToProto(alert, &proto);
  EXPECT_FALSE(proto.has_expected() || proto.has_actual() || proto.has_amount());
  EXPECT_FALSE(proto.has_resolve_time() || proto.has_acknowledge_time() || proto.has_action());
  EXPECT_EQ(proto.feedback(), v1::ALERT_FEEDBACK_UNSPECIFIED);
  alert.state = AlertState::kResolved;
  alert.resolved_at_us = kAtUs + kSecondUs;
  // Wanted, and not yet in force.
  alert.action.state = ActionState::kWanted;
  alert.action.wanted.kind = WantedAction::Kind::kFreeze;
  ToProto(alert, &proto);
  EXPECT_EQ(proto.resolve_time().seconds(), kAtUs / kSecondUs + 1);
  EXPECT_EQ(proto.action().kind(), v1::AlertAction::KIND_FREEZE);
  EXPECT_FALSE(proto.action().has_start_time() || proto.action().has_end_time());
  EXPECT_FALSE(proto.action().ended());
  alert.action.state = ActionState::kEnded;
  ToProto(alert, &proto);
  EXPECT_TRUE(proto.action().ended());
}

TEST(AlertConvert, EachKindSeverityStateAndFeedbackHasItsOwn) {
  const std::vector<std::pair<AlertKind, v1::AlertKind>> kinds = {
      {AlertKind::kThreshold, v1::ALERT_KIND_THRESHOLD},
      {AlertKind::kForecast, v1::ALERT_KIND_FORECAST},
      {AlertKind::kAnomaly, v1::ALERT_KIND_ANOMALY},
      {AlertKind::kRunaway, v1::ALERT_KIND_RUNAWAY},
      {AlertKind::kOperations, v1::ALERT_KIND_OPERATIONS}};
  const std::vector<std::pair<Severity, v1::AlertSeverity>> severities = {
      {Severity::kInfo, v1::ALERT_SEVERITY_INFO},
      {Severity::kWarning, v1::ALERT_SEVERITY_WARNING},
      {Severity::kCritical, v1::ALERT_SEVERITY_CRITICAL}};
  const std::vector<std::pair<AlertState, v1::AlertState>> states = {
      {AlertState::kFiring, v1::ALERT_STATE_FIRING},
      {AlertState::kAcknowledged, v1::ALERT_STATE_ACKNOWLEDGED},
      {AlertState::kSilenced, v1::ALERT_STATE_SILENCED},
      {AlertState::kResolved, v1::ALERT_STATE_RESOLVED}};
  Alert alert;
  v1::Alert proto;
  v1::ListAlertsRequest request;
  for (const auto& [kind, of_proto] : kinds) {
    alert.signal.kind = kind;
    ToProto(alert, &proto);
    EXPECT_EQ(proto.kind(), of_proto);
    request.add_kinds(of_proto);
  }
  for (const auto& [severity, of_proto] : severities) {
    alert.signal.severity = severity;
    ToProto(alert, &proto);
    EXPECT_EQ(proto.severity(), of_proto);
  }
  for (const auto& [state, of_proto] : states) {
    alert.state = state;
    ToProto(alert, &proto);
    EXPECT_EQ(proto.state(), of_proto);
    request.add_states(of_proto);
  }
  const AlertFilter filter = FilterOf(request);
  ASSERT_EQ(filter.kinds.size(), kinds.size());
  for (size_t i = 0; i < kinds.size(); ++i) EXPECT_EQ(filter.kinds[i], kinds[i].first);
  ASSERT_EQ(filter.states.size(), states.size());
  for (size_t i = 0; i < states.size(); ++i) EXPECT_EQ(filter.states[i], states[i].first);
  EXPECT_EQ(FeedbackOf(v1::ALERT_FEEDBACK_EXPECTED), Feedback::kExpected);
  EXPECT_EQ(FeedbackOf(v1::ALERT_FEEDBACK_NOT_EXPECTED), Feedback::kNotExpected);
}

TEST(AlertConvert, AFilterIsOfOneOrgAlsoOfTheDeployment) {
  v1::ListAlertsRequest request;
  EXPECT_EQ(FilterOf(request).org, "");
  EXPECT_EQ(FilterOf(request).told_since_us, 0);
  request.set_org("acme");
  request.set_rule_id("r");
  request.mutable_since()->set_seconds(kAtUs / kSecondUs);
  request.mutable_since()->set_nanos(1'999);
  const AlertFilter filter = FilterOf(request);
  EXPECT_EQ(filter.org, "acme");
  EXPECT_EQ(filter.rule_id, "r");
  EXPECT_EQ(filter.told_since_us, kAtUs + 1);
}

TEST(AlertConvert, ASilenceGoesBothWays) {
  v1::CreateSilenceRequest request;
  request.set_org("acme");
  request.set_reason("load test");
  request.mutable_end_time()->set_seconds(kAtUs / kSecondUs);
  for (const char* name : {"user", "kind"}) {
    v1::AlertMatcher* const matcher = request.add_matchers();
    matcher->set_name(name);
    matcher->set_glob(std::string(name) + "*");
  }
  Silence silence = SilenceOf(request, "token:bob");
  EXPECT_THAT(silence.matchers, ElementsAre(Matcher{"user", "user*"}, Matcher{"kind", "kind*"}));
  EXPECT_EQ(silence.author, "token:bob");
  silence.number = 3;
  silence.from_us = kAtUs - 60 * kSecondUs;
  v1::Silence proto;
  ToProto(silence, &proto);
  EXPECT_EQ(JsonOf(proto),
            R"({"org":"acme","silence_id":"S-3","matchers":[{"name":"user","glob":"user*"},)"
            R"({"name":"kind","glob":"kind*"}],"start_time":"2026-10-31T23:59:00Z",)"
            R"("end_time":"2026-11-01T00:00:00Z","reason":"load test","created_by":"token:bob"})");
  silence.ended_at_us = kAtUs - 30 * kSecondUs;
  silence.ended_by = "token:ann";
  ToProto(silence, &proto);
  EXPECT_EQ(proto.end_time().seconds(), kAtUs / kSecondUs - 30);
  EXPECT_EQ(proto.ended_by(), "token:ann");
}

TEST(AlertConvert, ADeliveryComesWhole) {
  Delivery delivery;
  delivery.number = 5;
  delivery.org = "acme";
  delivery.receiver = "hook";
  delivery.state = DeliveryState::kDead;
  delivery.attempts = 12;
  delivery.created_at_us = kAtUs;
  delivery.at_us = kAtUs + kSecondUs;
  delivery.error = "HTTP 500";
  delivery.count = 21;
  delivery.alerts = {3, 4};
  v1::Delivery proto;
  ToProto(delivery, &proto);
  EXPECT_EQ(JsonOf(proto),
            R"({"delivery_id":"5","org":"acme","receiver":"hook","state":"DELIVERY_STATE_DEAD",)"
            R"("attempts":12,"create_time":"2026-11-01T00:00:00Z","time":"2026-11-01T00:00:01Z",)"
            R"("error":"HTTP 500","alerts":21,"alert_ids":["A-3","A-4"]})");
}

TEST(AlertConvert, NamesOfSilencesAreReadAsPeopleWriteThem) {
  EXPECT_EQ(SilenceName(3), "S-3");
  for (const char* text : {"S-3", "s-3", "3", "S-003"}) EXPECT_EQ(ParseSilenceName(text), 3);
  for (const char* text :
       {"", "S-", "S-0", "S--3", "S-3x", " S-3", "A-3", "-3", "S-+3", "S-9223372036854775808"}) {
    EXPECT_EQ(ParseSilenceName(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace quotaplane
