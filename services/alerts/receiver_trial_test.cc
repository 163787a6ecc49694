// A test message is sent once for a request id, whatever becomes of the call.
#include "services/alerts/receiver_trial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "absl/synchronization/notification.h"
#include "libs/testing/http_receiver.h"
#include "services/alerts/test_calls.h"

namespace quotaplane {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSecondUs = 1'000'000;

class ReceiverTrialTest : public AlertCallsTest {
 protected:
  ReceiverTrialTest()
      : receivers_({{"hook", WebhookReceiver{.url = server_.Url("/hook"),
                                             .secret = "0123456789abcdef",
                                             .ca_file = ""}}},
                   {}, {}) {}

  struct Answered {
    absl::Status status;
    v1::TestDeliveryResponse response;
  };
  Answered Test(const std::string& id, int64_t later_us = 0, const std::string& to = "hook") {
    AlertCall call = CallOf("TestDelivery", now_us_ + later_us);
    v1::TestDeliveryRequest request;
    request.set_receiver(to);
    request.set_request_id(id);
    Answered answered;
    answered.status = TestDelivery(call, receivers_, request, &stop_, &answered.response);
    EXPECT_TRUE(call.audited);
    return answered;
  }

  fixtures::HttpReceiver server_;
  Receivers receivers_;
  std::atomic<bool> stop_ = false;
};
QP_OVER_BOTH_DATABASES(ReceiverTrialTest);

TEST_P(ReceiverTrialTest, TheSameCallAgainSendsNothingAndIsAnsweredAlike) {
  const Answered first = Test("one");
  ASSERT_TRUE(first.status.ok()) << first.status;
  EXPECT_TRUE(first.response.delivered());
  EXPECT_GT(first.response.took_us(), 0);
  const Answered again = Test("one", 23 * kHourUs);
  ASSERT_TRUE(again.status.ok()) << again.status;
  EXPECT_EQ(again.response.SerializeAsString(), first.response.SerializeAsString());
  EXPECT_EQ(server_.received().size(), 1);
  EXPECT_TRUE(Test("two").response.delivered());
  EXPECT_EQ(server_.received().size(), 2);
  EXPECT_EQ(Chain("").size(), 2);
}

TEST_P(ReceiverTrialTest, WhatWentWrongIsRememberedToo) {
  server_.Answer([](const auto&) { return fixtures::HttpAnswerOf(400); });
  const Answered first = Test("one");
  ASSERT_TRUE(first.status.ok()) << first.status;
  EXPECT_FALSE(first.response.delivered());
  EXPECT_THAT(first.response.error(), HasSubstr("400"));
  server_.Answer([](const auto&) { return fixtures::HttpAnswerOf(200); });
  EXPECT_EQ(Test("one").response.error(), first.response.error());
  EXPECT_EQ(server_.received().size(), 1);
}

TEST_P(ReceiverTrialTest, NothingIsSentForAnIdThatAnotherCallHadOrToNobody) {
  ASSERT_TRUE(Test("one").status.ok());
  EXPECT_EQ(CodeAndReason(Test("one", 0, "nobody").status), "ALREADY_EXISTS REQUEST_ID_REUSED");
  EXPECT_EQ(CodeAndReason(Test("two", 0, "nobody").status), "NOT_FOUND");
  // Nobody knew it: the id is still free.
  EXPECT_TRUE(Test("two").response.delivered());
  EXPECT_EQ(server_.received().size(), 2);
}

TEST_P(ReceiverTrialTest, WhileTheReceiverThinksARepetitionIsToldSoAndSendsNothing) {
  absl::Notification answers;
  server_.Answer([&](const auto&) {
    answers.WaitForNotification();
    return fixtures::HttpAnswerOf(200);
  });
  std::future<Answered> first = std::async(std::launch::async, [&] { return Test("one"); });
  ASSERT_TRUE(server_.WaitFor(1));
  EXPECT_EQ(CodeAndReason(Test("one", kSecondUs).status), "UNAVAILABLE TEST_UNDER_WAY");
  // Where whoever sends would have been done for long: it was stopped, for all that others know.
  const Answered lost = Test("one", 60 * kSecondUs);
  ASSERT_TRUE(lost.status.ok()) << lost.status;
  EXPECT_FALSE(lost.response.delivered());
  EXPECT_THAT(lost.response.error(), HasSubstr("not known"));
  answers.Notify();
  const Answered answered = first.get();
  EXPECT_TRUE(answered.response.delivered()) << answered.response.error();
  EXPECT_TRUE(Test("one", 61 * kSecondUs).response.delivered());
  EXPECT_EQ(server_.received().size(), 1);
}

TEST_P(ReceiverTrialTest, AStopBreaksItOff) {
  server_.Answer([](const auto&) { return std::string(); });
  std::future<Answered> hangs = std::async(std::launch::async, [&] { return Test("one"); });
  ASSERT_TRUE(server_.WaitFor(1));
  stop_ = true;
  const Answered answered = hangs.get();
  ASSERT_TRUE(answered.status.ok()) << answered.status;
  EXPECT_FALSE(answered.response.delivered());
  EXPECT_LT(answered.response.took_us(), 9 * kSecondUs);
}

}  // namespace
}  // namespace quotaplane
