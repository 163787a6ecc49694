#include "libs/http/smtp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/testing/smtp_receiver.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane {
namespace {

using ::quotaplane::fixtures::SmtpReceived;
using ::quotaplane::fixtures::SmtpReceiver;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SmtpTest : public ::testing::Test {
 protected:
  SmtpMail MailTo(const SmtpReceiver& server) {
    return {.server = server.Url(),
            .start_tls = SmtpMail::StartTls::kOff,
            .from = "quotaplane@example.com",
            .to = {"a@example.com", "b@example.com"},
            .text = "Subject: hello\r\n\r\n.dot\r\n.\r\nend\r\n"};
  }
  absl::Status Send(const SmtpMail& mail) { return SendSmtp(mail, &stop_); }
  std::atomic<bool> stop_ = false;
};

TEST_F(SmtpTest, AMailArrivesAsItIs) {
  const SmtpReceiver server;
  ASSERT_EQ(Send(MailTo(server)), absl::OkStatus());
  const SmtpReceived got = server.received().at(0);
  EXPECT_EQ(got.from, "quotaplane@example.com");
  EXPECT_THAT(got.to, ElementsAre("a@example.com", "b@example.com"));
  EXPECT_EQ(got.text, "Subject: hello\n\n.dot\n.\nend\n");
  EXPECT_FALSE(got.tls);
}

TEST_F(SmtpTest, StartTlsAndLogIn) {
  const fixtures::TempDir dir, others;
  const fixtures::TlsFiles tls = fixtures::MakeTlsFiles(dir.path());
  const SmtpReceiver server(tls);
  SmtpMail mail = MailTo(server);
  mail.start_tls = SmtpMail::StartTls::kRequired;
  mail.user = "user";
  mail.password = "word";
  mail.ca_file = tls.ca_cert;
  ASSERT_EQ(Send(mail), absl::OkStatus());
  EXPECT_TRUE(server.received().at(0).tls);
  EXPECT_THAT(server.received().at(0).login, HasSubstr("AHVzZXIAd29yZA=="));
  // Of an authority that we do not trust.
  mail.ca_file = fixtures::MakeTlsFiles(others.path()).ca_cert;
  EXPECT_TRUE(absl::IsUnavailable(Send(mail)));
  EXPECT_EQ(server.received().size(), 1u);
}

TEST_F(SmtpTest, WithoutTheTlsThatIsRequiredNothingIsSent) {
  const SmtpReceiver server;
  SmtpMail mail = MailTo(server);
  mail.start_tls = SmtpMail::StartTls::kRequired;
  EXPECT_TRUE(absl::IsUnavailable(Send(mail)));
  EXPECT_TRUE(server.received().empty());
  mail.start_tls = SmtpMail::StartTls::kIfOffered;
  EXPECT_EQ(Send(mail), absl::OkStatus());
}

TEST_F(SmtpTest, RepliesDecide) {
  SmtpReceiver server;
  server.Reply(".", "451 try later");
  EXPECT_TRUE(absl::IsUnavailable(Send(MailTo(server))));
  server.Reply(".", "554 no");
  const absl::Status refused = Send(MailTo(server));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("554"));
  server.Reply(".", "250 yes");
  server.Reply("RCPT", "550 no such user");
  EXPECT_TRUE(absl::IsFailedPrecondition(Send(MailTo(server))));
  server.Down();
  EXPECT_TRUE(absl::IsUnavailable(Send(MailTo(server))));
}

TEST_F(SmtpTest, AddressesCannotInject) {
  const SmtpReceiver server;
  for (const char* bad :
       {"a@b>\r\nRCPT TO:<c@d", "a b@c", "a", "@b", "a@", "a@b,c@d", "<a@b>", ""}) {
    SmtpMail mail = MailTo(server);
    mail.to.emplace_back(bad);
    EXPECT_TRUE(absl::IsInvalidArgument(Send(mail))) << bad;
    mail = MailTo(server);
    mail.from = bad;
    EXPECT_TRUE(absl::IsInvalidArgument(Send(mail))) << bad;
  }
  EXPECT_TRUE(IsEmailAddress("first.last+tag@mail.example.com"));
}

}  // namespace
}  // namespace quotaplane
