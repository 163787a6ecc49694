// Messages to real servers: an Alertmanager, and HTTP and SMTP servers that do what a test says.
#include "libs/alerts/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/alerts/alert_json.h"
#include "libs/alerts/signature.h"
#include "libs/testing/alertmanager_server.h"
#include "libs/testing/http_receiver.h"
#include "libs/testing/process.h"
#include "libs/testing/smtp_receiver.h"
#include "libs/testing/temp_dir.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using ::quotaplane::fixtures::HttpAnswerOf;
using ::quotaplane::fixtures::HttpReceived;
using ::quotaplane::fixtures::HttpReceiver;
using ::testing::HasSubstr;
using ::testing::Not;
using Outcome = SendResult::Outcome;
using Json = nlohmann::json;

constexpr char kSecret[] = "0123456789abcdef";

class SenderTest : public ::testing::Test {
 protected:
  Alert AlertOf(int64_t number) const {
    Alert alert;
    alert.number = number;
    alert.signal.org = "acme";
    alert.signal.rule_id = "user-month";
    alert.signal.summary = "80% of $100";
    alert.signal.severity = alert.opened_severity = Severity::kWarning;
    alert.signal.dimensions = {{"user", absl::StrCat("u", number)}};
    alert.opened_at_us = alert.signal.at_us = now_us_;
    return alert;
  }
  AlertMessage MessageOf(const std::vector<Alert>& alerts) const {
    AlertMessage message;
    message.id = "0123abcd";
    message.receiver = "r";
    message.org = "acme";
    message.created_at_us = now_us_;
    message.count = static_cast<int64_t>(alerts.size());
    for (const Alert& alert : alerts) {
      message.items.push_back(
          {alert.number, NoticeEvent::kFiring, AlertJson(alert, NoticeEvent::kFiring)});
    }
    return message;
  }
  Receiver Webhook(const HttpReceiver& server) {
    return {"r", WebhookReceiver{.url = server.Url("/hook"), .secret = kSecret, .ca_file = ""}};
  }
  SendResult Send(const Receiver& receiver, const AlertMessage& message,
                  absl::Duration timeout = absl::Seconds(10)) {
    return SendMessage(receiver, message, now_us_, timeout, &stop_);
  }
  SendResult SendOne(const Receiver& receiver) { return Send(receiver, MessageOf({AlertOf(1)})); }

  // An Alertmanager judges by its own clock.
  int64_t now_us_ = absl::ToUnixMicros(absl::Now());
  std::atomic<bool> stop_ = false;
};

TEST_F(SenderTest, AWebhookIsSigned) {
  const HttpReceiver server;
  EXPECT_EQ(SendOne(Webhook(server)).outcome, Outcome::kSent);
  const HttpReceived got = server.received().at(0);
  EXPECT_EQ(got.method, "POST");
  EXPECT_EQ(got.path, "/hook");
  EXPECT_EQ(got.headers.at("idempotency-key"), "0123abcd");
  EXPECT_EQ(got.headers.at("content-type"), "application/json");
  int64_t timestamp_s = 0;
  ASSERT_TRUE(absl::SimpleAtoi(got.headers.at("quotaplane-timestamp"), &timestamp_s));
  EXPECT_TRUE(IsSignedBy(kSecret, got.headers.at("quotaplane-signature"), timestamp_s, got.body,
                         now_us_ / 1'000'000));
  const Json body = Json::parse(got.body);
  EXPECT_EQ(body["id"], "0123abcd");
  EXPECT_EQ(body["count"], 1);
  EXPECT_EQ(body["more"], 0);
  EXPECT_EQ(body["alerts"][0]["alert"], "A-1");
  EXPECT_EQ(body["alerts"][0]["dimensions"]["user"], "u1");
}

// The check in docs/alerts.md, as a reader pastes it.
TEST_F(SenderTest, TheDocumentsCheckTakesWhatIsSent) {
  const HttpReceiver server;
  ASSERT_EQ(SendOne(Webhook(server)).outcome, Outcome::kSent);
  const HttpReceived got = server.received().at(0);
  std::ifstream doc(QP_SOURCE_DIR "/docs/alerts.md");
  const std::string text(std::istreambuf_iterator<char>(doc), {});
  constexpr char kFence[] = "```python\n";
  const size_t begin = text.find(kFence) + sizeof(kFence) - 1;
  ASSERT_LT(begin, text.size());
  const fixtures::TempDir dir;
  std::ofstream(dir.File("body")) << got.body;
  std::ofstream(dir.File("check.py"))
      << text.substr(begin, text.find("```", begin) - begin)
      << "headers = {'Quotaplane-Timestamp': '" << got.headers.at("quotaplane-timestamp")
      << "', 'Quotaplane-Signature': '" << got.headers.at("quotaplane-signature") << "'}\n"
      << "body = open('" << dir.File("body") << "', 'rb').read()\n"
      << "assert is_ours(b'" << kSecret << "', headers, body)\n"
      << "assert not is_ours(b'another secret..', headers, body)\n"
      << "assert not is_ours(b'" << kSecret << "', headers, body + b' ')\n"
      << "assert not is_ours(b'" << kSecret << "', {}, body)\n"
      << "headers['Quotaplane-Timestamp'] = str(int(headers['Quotaplane-Timestamp']) - 400)\n"
      << "assert not is_ours(b'" << kSecret << "', headers, body)\n";
  fixtures::ChildProcess check({.argv = {"python3", "-I", dir.File("check.py")},
                                .log_path = dir.File("log"),
                                .package = "python3"});
  const auto ended = check.Wait(absl::Seconds(60));
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->code, 0) << check.LogTail();
}

TEST_F(SenderTest, AnswersDecide) {
  int status = 0;
  HttpReceiver server;
  for (const auto& [code, outcome] : std::vector<std::pair<int, Outcome>>{{200, Outcome::kSent},
                                                                          {204, Outcome::kSent},
                                                                          {301, Outcome::kRefused},
                                                                          {400, Outcome::kRefused},
                                                                          {401, Outcome::kRefused},
                                                                          {404, Outcome::kRefused},
                                                                          {408, Outcome::kRetry},
                                                                          {410, Outcome::kRefused},
                                                                          {429, Outcome::kRetry},
                                                                          {500, Outcome::kRetry},
                                                                          {503, Outcome::kRetry}}) {
    status = code;
    server.Answer([status](const HttpReceived&) {
      return status == 204 ? "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n"
                           : HttpAnswerOf(status, "because");
    });
    const SendResult result = SendOne(Webhook(server));
    EXPECT_EQ(result.outcome, outcome) << code;
    if (outcome != Outcome::kSent) {
      EXPECT_EQ(result.error, absl::StrCat("HTTP status ", code, ": because"));
    }
  }
  server.Answer([](const HttpReceived&) { return HttpAnswerOf(429, "", "Retry-After: 120\r\n"); });
  EXPECT_EQ(SendOne(Webhook(server)).wait_us, 120'000'000);
}

TEST_F(SenderTest, HostileAnswers) {
  HttpReceiver server;
  // More than anybody wants to read, of a message that it took, and of one that it did not.
  server.Answer([](const HttpReceived&) { return HttpAnswerOf(200, std::string(8 << 20, 'x')); });
  EXPECT_EQ(SendOne(Webhook(server)).outcome, Outcome::kSent);
  server.Answer([](const HttpReceived&) {
    return HttpAnswerOf(500, std::string(8 << 20, '\n') + "\xff\x01");
  });
  SendResult result = SendOne(Webhook(server));
  EXPECT_EQ(result.outcome, Outcome::kRetry);
  EXPECT_LE(result.error.size(), 200u);
  EXPECT_THAT(result.error, Not(HasSubstr("\n")));
  // No HTTP, nothing at all, and an answer without an end.
  for (const char* answer : {"220 smtp here\r\n", "HTTP/1.1 ", "HTTP/1.1 999999999999 ?\r\n\r\n"}) {
    server.Answer([answer](const HttpReceived&) { return std::string(answer); });
    result = Send(Webhook(server), MessageOf({AlertOf(1)}), absl::Milliseconds(300));
    EXPECT_EQ(result.outcome, Outcome::kRetry) << answer;
    EXPECT_FALSE(result.error.empty());
  }
  server.Answer([](const HttpReceived&) { return std::string(); });
  const absl::Time start = absl::Now();
  result = Send(Webhook(server), MessageOf({AlertOf(1)}), absl::Milliseconds(300));
  EXPECT_EQ(result.outcome, Outcome::kRetry);
  EXPECT_LT(absl::Now() - start, absl::Seconds(8));
  server.Down();
  EXPECT_EQ(SendOne(Webhook(server)).outcome, Outcome::kRetry);
}

TEST_F(SenderTest, ErrorsDoNotTellTheUrl) {
  HttpReceiver server;
  server.Down();
  const Receiver slack = {"s", SlackReceiver{.url = server.Url("/T0/SECRET"), .ca_file = ""}};
  const SendResult result = SendOne(slack);
  EXPECT_EQ(result.outcome, Outcome::kRetry);
  EXPECT_THAT(result.error, Not(HasSubstr("SECRET")));
}

TEST_F(SenderTest, Slack) {
  const HttpReceiver server([](const HttpReceived&) { return HttpAnswerOf(200, "ok"); });
  EXPECT_EQ(SendOne({"s", SlackReceiver{.url = server.Url("/T0"), .ca_file = ""}}).outcome,
            Outcome::kSent);
  EXPECT_THAT(Json::parse(server.received().at(0).body)["text"].get<std::string>(),
              HasSubstr("*1 threshold alert of acme*\n[warning] A-1 firing: 80% of $100"));
}

TEST_F(SenderTest, Email) {
  const fixtures::TempDir dir;
  const fixtures::TlsFiles tls = fixtures::MakeTlsFiles(dir.path());
  fixtures::SmtpReceiver server(tls);
  EmailReceiver to;
  to.server = server.Url();
  to.ca_file = tls.ca_cert;
  to.user = "user";
  to.password = "word";
  to.from = "quotaplane@example.com";
  to.to = {"finops@example.com"};
  EXPECT_EQ(SendOne({"m", to}).outcome, Outcome::kSent);
  EXPECT_TRUE(server.received().at(0).tls);
  EXPECT_THAT(server.received().at(0).text, HasSubstr("Message-ID: <0123abcd@example.com>\n"));
  server.Reply(".", "452 full");
  EXPECT_EQ(SendOne({"m", to}).outcome, Outcome::kRetry);
  server.Reply(".", "550 never");
  const SendResult refused = SendOne({"m", to});
  EXPECT_EQ(refused.outcome, Outcome::kRefused);
  EXPECT_THAT(refused.error, HasSubstr("550"));
  server.Reply("AUTH", "535 wrong");
  EXPECT_EQ(SendOne({"m", to}).outcome, Outcome::kRetry);
}

class AlertmanagerTest : public SenderTest {
 protected:
  // By the label `alert`.
  std::map<std::string, Json> AlertsOf(const fixtures::AlertmanagerServer& server) {
    std::map<std::string, Json> alerts;
    const std::string body = server.Get("/api/v2/alerts");
    for (const Json& one : Json::parse(body, nullptr, false)) {
      alerts[one["labels"]["alert"].get<std::string>() + " " +
             one["labels"]["severity"].get<std::string>()] = one;
    }
    return alerts;
  }
};

TEST_F(AlertmanagerTest, KeepsWhatItIsSent) {
  const HttpReceiver behind;
  const fixtures::AlertmanagerServer server(behind.Url());
  const Receiver receiver = {"am",
                             AlertmanagerReceiver{.url = server.url(), .token = "", .ca_file = ""}};
  std::vector<Alert> alerts;
  for (int64_t i = 1; i <= 500; ++i) alerts.push_back(AlertOf(i));
  alerts[0].signal.summary = "“quotes” \"and\" <tags>\t";
  const SendResult sent = Send(receiver, MessageOf(alerts));
  ASSERT_EQ(sent.outcome, Outcome::kSent) << sent.error;
  auto kept = AlertsOf(server);
  ASSERT_EQ(kept.size(), 500u);
  EXPECT_EQ(kept["A-1 warning"]["status"]["state"], "active");
  EXPECT_EQ(kept["A-1 warning"]["labels"]["user"], "u1");
  EXPECT_EQ(kept["A-1 warning"]["annotations"]["summary"], alerts[0].signal.summary);
  // Once more is no second one.
  ASSERT_EQ(Send(receiver, MessageOf(alerts)).outcome, Outcome::kSent);
  EXPECT_EQ(AlertsOf(server).size(), 500u);
  // It sends on what it got: it fires for others too.
  EXPECT_TRUE(behind.WaitFor(1));
  EXPECT_EQ(Json::parse(behind.received().at(0).body)["status"], "firing");

  // One becomes worse, another ends.
  alerts.resize(2);
  alerts[0].signal.severity = Severity::kCritical;
  alerts[1].state = AlertState::kResolved;
  alerts[1].resolved_at_us = now_us_;
  ASSERT_EQ(Send(receiver, MessageOf(alerts)).outcome, Outcome::kSent);
  kept = AlertsOf(server);
  EXPECT_EQ(kept.size(), 499u);
  EXPECT_TRUE(kept.contains("A-1 critical"));
  EXPECT_FALSE(kept.contains("A-1 warning"));
  EXPECT_FALSE(kept.contains("A-2 warning"));
}

TEST_F(SenderTest, AnAlertmanagerBehindATokenIsShownIt) {
  const HttpReceiver server;
  EXPECT_EQ(
      SendOne(
          {"am", AlertmanagerReceiver{.url = server.Url("/am/"), .token = "t-1", .ca_file = ""}})
          .outcome,
      Outcome::kSent);
  EXPECT_EQ(server.received().at(0).path, "/am/api/v2/alerts");
  EXPECT_EQ(server.received().at(0).headers.at("authorization"), "Bearer t-1");
}

TEST_F(AlertmanagerTest, TestsAreNotKept) {
  fixtures::AlertmanagerServer server;
  const Receiver receiver = {"am",
                             AlertmanagerReceiver{.url = server.url(), .token = "", .ca_file = ""}};
  const SendResult sent = Send(receiver, TestMessage(receiver, "acme", now_us_));
  EXPECT_EQ(sent.outcome, Outcome::kSent) << sent.error;
  EXPECT_TRUE(AlertsOf(server).empty());
  server.Stop();
  EXPECT_EQ(Send(receiver, TestMessage(receiver, "acme", now_us_)).outcome, Outcome::kRetry);
}

}  // namespace
}  // namespace quotaplane
