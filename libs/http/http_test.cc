#include "libs/http/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/testing/http_receiver.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane {
namespace {

using ::quotaplane::fixtures::HttpAnswerOf;
using ::quotaplane::fixtures::HttpReceived;
using ::quotaplane::fixtures::HttpReceiver;
using ::testing::HasSubstr;

class HttpTest : public ::testing::Test {
 protected:
  absl::StatusOr<HttpAnswer> Send(HttpRequest request) { return SendHttp(request, &stop_); }
  std::atomic<bool> stop_ = false;
};

TEST_F(HttpTest, Posts) {
  const HttpReceiver server([](const HttpReceived&) { return HttpAnswerOf(202, "thanks"); });
  const std::string body("a\0b", 3);
  const auto answer =
      Send({.url = server.Url("/in?x=1"), .body = body, .headers = {{"X-Id", "7"}}});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 202);
  EXPECT_EQ(answer->body, "thanks");
  EXPECT_FALSE(answer->body_cut);
  const HttpReceived got = server.received().at(0);
  EXPECT_EQ(got.method, "POST");
  EXPECT_EQ(got.path, "/in?x=1");
  EXPECT_EQ(got.body, body);
  EXPECT_EQ(got.headers.at("x-id"), "7");
}

TEST_F(HttpTest, Gets) {
  const HttpReceiver server;
  EXPECT_EQ(Send({.url = server.Url("/a")})->status, 200);
  EXPECT_EQ(server.received().at(0).method, "GET");
}

TEST_F(HttpTest, HeadersCannotBeInjected) {
  const HttpReceiver server;
  for (const char* bad : {"a\r\nX-Evil: 1", "a\nb", "a\x7f"}) {
    const auto answer = Send({.url = server.Url(), .headers = {{"X-Id", bad}}});
    EXPECT_TRUE(absl::IsInvalidArgument(answer.status())) << answer.status();
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Send({.url = "http://127.0.0.1/\r\nX: 1"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Send({.url = "file:///etc/passwd"}).status()));
  EXPECT_TRUE(server.received().empty());
}

TEST_F(HttpTest, RedirectsAreNotFollowed) {
  const HttpReceiver elsewhere;
  const HttpReceiver server([&](const HttpReceived&) {
    return HttpAnswerOf(302, "", absl::StrCat("Location: ", elsewhere.Url(), "\r\n"));
  });
  EXPECT_EQ(Send({.url = server.Url(), .body = "x"})->status, 302);
  EXPECT_TRUE(elsewhere.received().empty());
}

TEST_F(HttpTest, AHugeAnswerIsCut) {
  const HttpReceiver server(
      [](const HttpReceived&) { return HttpAnswerOf(200, std::string(1 << 20, 'x')); });
  const auto answer = Send({.url = server.Url(), .max_answer_bytes = 1000});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->body.size(), 1000u);
  EXPECT_TRUE(answer->body_cut);
}

TEST_F(HttpTest, AnAnswerThatBreaksOffIsCut) {
  const HttpReceiver server([](const HttpReceived&) {
    return std::string("HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\nab");
  });
  const auto answer = Send({.url = server.Url(), .timeout = absl::Milliseconds(300)});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(answer->body, "ab");
  EXPECT_TRUE(answer->body_cut);
}

TEST_F(HttpTest, SilenceRubbishAndNobody) {
  const HttpReceiver silent([](const HttpReceived&) { return std::string(); });
  const absl::Time start = absl::Now();
  auto answer = Send({.url = silent.Url("/secret"), .timeout = absl::Milliseconds(200)});
  EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
  EXPECT_LT(absl::Now() - start, absl::Seconds(8));
  EXPECT_THAT(std::string(answer.status().message()), ::testing::Not(HasSubstr("secret")));

  const HttpReceiver rubbish([](const HttpReceived&) { return std::string("no http at all\r\n"); });
  EXPECT_TRUE(absl::IsUnavailable(Send({.url = rubbish.Url()}).status()));

  HttpReceiver nobody;
  nobody.Down();
  EXPECT_TRUE(absl::IsUnavailable(Send({.url = nobody.Url()}).status()));
  nobody.Up();
  EXPECT_EQ(Send({.url = nobody.Url()})->status, 200);
}

TEST_F(HttpTest, AStopEndsIt) {
  const HttpReceiver silent([](const HttpReceived&) { return std::string(); });
  stop_ = true;
  const absl::Time start = absl::Now();
  EXPECT_TRUE(
      absl::IsUnavailable(Send({.url = silent.Url(), .timeout = absl::Minutes(5)}).status()));
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
}

TEST_F(HttpTest, AServerSaysWhenToComeAgain) {
  const HttpReceiver server([](const HttpReceived& request) {
    return HttpAnswerOf(429, "",
                        request.path == "/far" ? "Retry-After: 999999\r\n" : "Retry-After: 7\r\n");
  });
  EXPECT_EQ(Send({.url = server.Url()})->retry_after_s, 7);
  EXPECT_EQ(Send({.url = server.Url("/far")})->retry_after_s, 3600);
}

TEST_F(HttpTest, CertificatesAreChecked) {
  const fixtures::TempDir ours, others;
  const fixtures::TlsFiles tls = fixtures::MakeTlsFiles(ours.path());
  const fixtures::TlsFiles stranger = fixtures::MakeTlsFiles(others.path());
  const HttpReceiver server(nullptr, tls);
  EXPECT_EQ(Send({.url = server.Url(), .ca_file = tls.ca_cert})->status, 200);
  EXPECT_TRUE(absl::IsUnavailable(Send({.url = server.Url()}).status()));
  EXPECT_TRUE(
      absl::IsUnavailable(Send({.url = server.Url(), .ca_file = stranger.ca_cert}).status()));
  EXPECT_EQ(server.received().size(), 1u);
}

TEST_F(HttpTest, TheEnvironmentsProxyIsNotUsed) {
  HttpReceiver proxy;
  ASSERT_EQ(setenv("http_proxy", proxy.Url("").c_str(), 1), 0);
  // A name that no server of the world has.
  const HttpRequest request = {.url = "http://nowhere.invalid/", .timeout = absl::Seconds(5)};
  EXPECT_TRUE(absl::IsUnavailable(Send(request).status()));
  EXPECT_TRUE(proxy.received().empty());
  HttpRequest through = request;
  through.proxy = true;
  EXPECT_EQ(Send(through)->status, 200);
  unsetenv("http_proxy");
}

}  // namespace
}  // namespace quotaplane
