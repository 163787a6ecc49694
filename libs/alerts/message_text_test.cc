#include "libs/alerts/message_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/alerts/alert_json.h"
#include "libs/alerts/sender.h"
#include "libs/alerts/signature.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

Alert AlertOf(const std::string& user) {
  Alert alert;
  alert.number = 17;
  alert.signal.org = "acme";
  alert.signal.rule_id = "user-month";
  alert.signal.severity = alert.opened_severity = Severity::kWarning;
  alert.signal.scope = absl::StrCat("{org=acme, user=", user, "}");
  alert.signal.summary = "80% of $100";
  alert.signal.dimensions = {{"org", "acme"}, {"user", user}, {"labels.session", "s-1"}};
  alert.signal.contributors = {{"model", "opus", 1, 70}, {"user", user, 0, 60}};
  alert.opened_at_us = alert.signal.at_us = int64_t{1'790'000'000} * 1'000'000;
  return alert;
}

AlertMessage MessageOf(const Alert& alert, int64_t count = 1) {
  AlertMessage message;
  message.id = "00ff";
  message.receiver = "x";
  message.org = alert.signal.org;
  message.created_at_us = alert.opened_at_us;
  message.count = count;
  message.items.push_back(
      {alert.number, NoticeEvent::kFiring, AlertJson(alert, NoticeEvent::kFiring)});
  return message;
}

TEST(MessageTextTest, SaysWhatAndHowMany) {
  const MessageText text = TextOf(MessageOf(AlertOf("alice"), 9'981));
  EXPECT_EQ(text.title, "9,981 threshold alerts of acme");
  EXPECT_THAT(text.lines,
              ElementsAre("[warning] A-17 firing: 80% of $100 {org=acme, user=alice} (most: model "
                          "opus, user alice)",
                          "… and 9,980 more"));
  EXPECT_EQ(TextOf(MessageOf(AlertOf("alice"))).title, "1 threshold alert of acme");
}

TEST(MessageTextTest, SlackMentionsNobody) {
  const std::string body = SlackJson(MessageOf(AlertOf("<!channel> & <@U1>")));
  EXPECT_THAT(Json::parse(body)["text"].get<std::string>(),
              HasSubstr("&lt;!channel&gt; &amp; &lt;@U1&gt;"));
  EXPECT_THAT(body, Not(HasSubstr("<")));
}

std::string Unfolded(const std::string& text) {
  std::string subject;
  for (const absl::string_view line : absl::StrSplit(text, "\r\n")) {
    if (absl::StartsWith(line, "Subject: ") || absl::StartsWith(line, " =?")) {
      absl::string_view word = line.substr(line.find("=?UTF-8?B?") + 10);
      std::string decoded;
      EXPECT_TRUE(absl::Base64Unescape(word.substr(0, word.size() - 2), &decoded));
      subject += decoded;
    }
  }
  return subject;
}

TEST(MessageTextTest, MailsHaveTheHeadersThatWeWrote) {
  Alert alert = AlertOf("eve\r\nBcc: all@example.com");
  alert.signal.summary = "übermäßig\r\nX-Evil: 1\r\n\r\nbody";
  EmailReceiver receiver;
  receiver.from = "quotaplane@example.com";
  receiver.to = {"a@example.com", "b@example.com"};
  const std::string text = EmailText(MessageOf(alert), receiver);
  EXPECT_EQ(text, EmailText(MessageOf(alert), receiver));
  std::vector<std::string> names;
  const size_t end = text.find("\r\n\r\n");
  for (const absl::string_view line : absl::StrSplit(text.substr(0, end), "\r\n")) {
    EXPECT_LE(line.size(), 78u) << line;
    if (!absl::StartsWith(line, " ")) names.emplace_back(line.substr(0, line.find(':')));
  }
  EXPECT_THAT(names, ElementsAre("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted",
                                 "MIME-Version", "Content-Type", "Content-Transfer-Encoding"));
  EXPECT_THAT(text, HasSubstr("Message-ID: <00ff@example.com>\r\n"));
  EXPECT_THAT(text, HasSubstr("Date: Mon, 21 Sep 2026 "));
  EXPECT_THAT(Unfolded(text), HasSubstr("[warning] A-17 firing: übermäßig  X-Evil: 1"));
  EXPECT_THAT(text, Not(HasSubstr("Evil")));
  std::string body, joined = text.substr(end + 4);
  ASSERT_TRUE(absl::Base64Unescape(joined, &body));
  EXPECT_THAT(body, HasSubstr("1 threshold alert of acme\r\n\r\n[warning]"));
}

TEST(MessageTextTest, AlertmanagerKnowsAnAlertByItsLabels) {
  Alert alert = AlertOf("alice");
  alert.signal.severity = Severity::kCritical;
  const int64_t now_us = alert.opened_at_us + 5'000'000;
  Json alerts = Json::parse(AlertmanagerJson(MessageOf(alert), now_us));
  // It became worse: the one of before is ended.
  ASSERT_EQ(alerts.size(), 2u);
  EXPECT_EQ(alerts[0]["labels"]["severity"], "warning");
  EXPECT_EQ(alerts[0]["endsAt"], TimeText(now_us));
  EXPECT_EQ(alerts[1]["labels"], (Json{{"alertname", "QuotaplaneThreshold"},
                                       {"alert", "A-17"},
                                       {"org", "acme"},
                                       {"kind", "threshold"},
                                       {"rule", "user-month"},
                                       {"severity", "critical"},
                                       {"user", "alice"},
                                       {"labels_session", "s-1"}}));
  EXPECT_EQ(alerts[1]["startsAt"], TimeText(alert.opened_at_us));
  EXPECT_EQ(alerts[1]["endsAt"], TimeText(now_us + kFiresForUs));
  // Our clock is behind its source's: it ends no earlier than it starts.
  alert.opened_severity = Severity::kCritical;
  alert.state = AlertState::kResolved;
  alert.resolved_at_us = alert.opened_at_us - 1;
  alerts = Json::parse(AlertmanagerJson(MessageOf(alert), now_us));
  EXPECT_EQ(alerts[0]["endsAt"], alerts[0]["startsAt"]);
}

TEST(SignatureTest, IsOfTimeAndBody) {
  const std::string signature = SignatureOf("secret-secret-00", 1'790'000'000, "{}");
  // As any other implementation computes it.
  EXPECT_EQ(signature, "v1=c8004530eb2322db6590b64894fa6e4cd8b86ef40c387a37a93f7fe4336c22f8");
  EXPECT_TRUE(IsSignedBy("secret-secret-00", signature, 1'790'000'000, "{}", 1'790'000'200));
  EXPECT_FALSE(IsSignedBy("secret-secret-00", signature, 1'790'000'000, "{}", 1'790'000'301));
  EXPECT_FALSE(IsSignedBy("secret-secret-00", signature, 1'790'000'001, "{}", 1'790'000'001));
  EXPECT_FALSE(IsSignedBy("secret-secret-00", signature, 1'790'000'000, "{ }", 1'790'000'000));
  EXPECT_FALSE(IsSignedBy("secret-secret-01", signature, 1'790'000'000, "{}", 1'790'000'000));
  EXPECT_FALSE(IsSignedBy("secret-secret-00", "", 1'790'000'000, "{}", 1'790'000'000));
}

}  // namespace
}  // namespace quotaplane
