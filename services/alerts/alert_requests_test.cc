#include "services/alerts/alert_requests.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "libs/base/error.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kLong(129, 'x');

// The fields that break a rule; a request that is fine has none.
template <typename Request>
std::vector<std::string> Fields(const Request& request) {
  const absl::Status status = Check(request);
  if (status.ok()) return {};
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    EXPECT_GT(violation.description.size(), 3);
    EXPECT_LT(violation.description.size(), 300);
    fields.push_back(violation.field);
  }
  return fields;
}

// A request from its public JSON.
template <typename Request>
std::vector<std::string> FieldsOf(const std::string& json) {
  Request request;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &request);
  EXPECT_TRUE(parsed.ok()) << parsed.ToString();
  return Fields(request);
}

TEST(AlertRequests, AnEmptyRequestIsToldEverythingThatItLacks) {
  EXPECT_THAT(Fields(v1::ListAlertsRequest()), IsEmpty());
  EXPECT_THAT(Fields(v1::GetAlertRequest()), ElementsAre("alert_id"));
  EXPECT_THAT(Fields(v1::WatchAlertsRequest()), IsEmpty());
  EXPECT_THAT(Fields(v1::ChangeAlertRequest()), ElementsAre("request_id", "alert_id"));
  EXPECT_THAT(Fields(v1::GiveFeedbackRequest()), ElementsAre("request_id", "alert_id", "feedback"));
  EXPECT_THAT(Fields(v1::CreateSilenceRequest()),
              ElementsAre("request_id", "matchers", "end_time", "reason"));
  EXPECT_THAT(Fields(v1::EndSilenceRequest()), ElementsAre("request_id", "silence_id"));
  EXPECT_THAT(Fields(v1::ListSilencesRequest()), IsEmpty());
  EXPECT_THAT(Fields(v1::ListDeliveriesRequest()), IsEmpty());
  EXPECT_THAT(Fields(v1::SendAgainRequest()), ElementsAre("request_id", "delivery_id"));
  EXPECT_THAT(Fields(v1::TestDeliveryRequest()), ElementsAre("request_id", "receiver"));
}

TEST(AlertRequests, WhatIsRightPasses) {
  EXPECT_THAT(FieldsOf<v1::ListAlertsRequest>(
                  R"({"org":"acme","states":[1,4],"kinds":[5],"since":"2026-01-01T00:00:00Z",
                      "pageSize":1000,"ruleId":"operations/backlog"})"),
              IsEmpty());
  EXPECT_THAT(FieldsOf<v1::ChangeAlertRequest>(
                  R"({"org":"acme","alertId":"A-17","requestId":"r","comment":"ü"})"),
              IsEmpty());
  EXPECT_THAT(FieldsOf<v1::CreateSilenceRequest>(
                  R"({"org":"","requestId":"r","reason":"why","endTime":"2030-01-01T00:00:00Z",
                      "matchers":[{"name":"team","glob":"*"},{"name":"kind","glob":"a?"}]})"),
              IsEmpty());
}

TEST(AlertRequests, EnumsAreOfTheirKindAndNotMoreThanThereAre) {
  v1::ListAlertsRequest request;
  request.add_states(v1::ALERT_STATE_FIRING);
  request.add_states(v1::ALERT_STATE_UNSPECIFIED);
  request.add_kinds(static_cast<v1::AlertKind>(6));
  EXPECT_THAT(Fields(request), ElementsAre("states[1]", "kinds[0]"));
  request.Clear();
  for (int i = 0; i < 5; ++i) request.add_states(v1::ALERT_STATE_FIRING);
  for (int i = 0; i < 1'000; ++i) request.add_kinds(v1::ALERT_KIND_ANOMALY);
  EXPECT_THAT(Fields(request), ElementsAre("states", "kinds"));
  v1::ListDeliveriesRequest deliveries;
  deliveries.add_states(static_cast<v1::DeliveryState>(-1));
  EXPECT_THAT(Fields(deliveries), ElementsAre("states[0]"));
  v1::GiveFeedbackRequest feedback;
  feedback.set_request_id("r");
  feedback.set_alert_id("A-1");
  feedback.set_feedback(static_cast<v1::AlertFeedback>(3));
  EXPECT_THAT(Fields(feedback), ElementsAre("feedback"));
}

TEST(AlertRequests, HostileTextIsNamedByItsField) {
  const std::vector<std::string> hostile = {"a\nb",     "a\x7f",        std::string("a\0b", 3),
                                            "\xc3\x28", "\xed\xa0\x80", kLong};
  for (const std::string& text : hostile) {
    v1::ListAlertsRequest list;
    *list.mutable_org() = text;
    *list.mutable_rule_id() = text;
    *list.mutable_page_token() = text;
    EXPECT_THAT(Fields(list), ElementsAre("org", "rule_id", "page_token"));
    v1::ChangeAlertRequest change;
    *change.mutable_org() = text;
    *change.mutable_request_id() = text;
    *change.mutable_alert_id() = text;
    *change.mutable_comment() = text.size() > 100 ? std::string(1'001, 'x') : text;
    EXPECT_THAT(Fields(change), ElementsAre("org", "request_id", "alert_id", "comment"));
    v1::EndSilenceRequest end;
    end.set_request_id("r");
    *end.mutable_silence_id() = text;
    EXPECT_THAT(Fields(end), ElementsAre("silence_id"));
    v1::TestDeliveryRequest test;
    test.set_request_id("r");
    *test.mutable_receiver() = text;
    EXPECT_THAT(Fields(test), ElementsAre("receiver"));
    v1::CreateSilenceRequest silence;
    silence.set_request_id("r");
    silence.set_reason("why");
    silence.mutable_end_time()->set_seconds(2'000'000'000);
    *silence.add_matchers()->mutable_name() = text;
    *silence.mutable_matchers(0)->mutable_glob() = text;
    std::vector<std::string> fields = Fields(silence);
    fields.erase(std::unique(fields.begin(), fields.end()), fields.end());
    EXPECT_THAT(fields, ElementsAre("matchers[0].name", "matchers[0].glob"));
  }
}

TEST(AlertRequests, NumbersOfAlertsAndSilences) {
  for (const std::string id :
       {"A-0", "A--1", "A-", "A-1x", "B-1", "A-99999999999999999999", "+1"}) {
    v1::GetAlertRequest request;
    request.set_alert_id(id);
    EXPECT_THAT(Fields(request), ElementsAre("alert_id")) << id;
  }
  for (const std::string id : {"S-0", "S-", "S--3", "A-3", "S-3 ", "S-99999999999999999999"}) {
    v1::EndSilenceRequest request;
    request.set_request_id("r");
    request.set_silence_id(id);
    EXPECT_THAT(Fields(request), ElementsAre("silence_id")) << id;
  }
  v1::SendAgainRequest again;
  again.set_request_id("r");
  again.set_delivery_id(-1);
  EXPECT_THAT(Fields(again), ElementsAre("delivery_id"));
  v1::WatchAlertsRequest watch;
  watch.set_after_sequence(-1);
  EXPECT_THAT(Fields(watch), ElementsAre("after_sequence"));
  v1::ListSilencesRequest list;
  list.set_page_size(1'001);
  EXPECT_THAT(Fields(list), ElementsAre("page_size"));
}

TEST(AlertRequests, MatchersAreOneToSixteenEachOfAnotherName) {
  v1::CreateSilenceRequest request;
  request.set_request_id("r");
  request.set_reason("why");
  request.mutable_end_time()->set_seconds(2'000'000'000);
  for (int i = 0; i < 17; ++i) {
    v1::AlertMatcher* const matcher = request.add_matchers();
    matcher->set_name("n" + std::to_string(i));
    matcher->set_glob("*");
  }
  EXPECT_THAT(Fields(request), ElementsAre("matchers"));
  request.mutable_matchers()->RemoveLast();
  EXPECT_THAT(Fields(request), IsEmpty());
  request.mutable_matchers(3)->set_name("n1");
  EXPECT_THAT(Fields(request), ElementsAre("matchers[3].name"));
}

}  // namespace
}  // namespace quotaplane
