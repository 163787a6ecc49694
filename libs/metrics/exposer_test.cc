#include "libs/metrics/exposer.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"

namespace quotaplane::metrics {
namespace {

// What an HTTP request for `path` answers, header and all.
std::string Get(const std::string& address, const std::string& path,
                const std::string& method = "GET") {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.substr(10).c_str())));
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  const std::string request = method + " " + path + " HTTP/1.0\r\n\r\n";
  EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(fd, buffer, sizeof(buffer))) > 0;) answer.append(buffer, got);
  close(fd);
  return answer;
}

TEST(Exposer, AsksForValuesWhenItIsScraped) {
  double value = 1.5;
  const auto exposer = Exposer::Start(
      {"127.0.0.1:0",
       {[&]() -> std::vector<Family> {
          return {{"qp_waiting_seconds", Family::Type::kGauge, "How long.", {{value}}},
                  {"qp_unknown", Family::Type::kGauge, "Not known.", {}}};
        },
        []() -> std::vector<Family> {
          return {{"qp_done_total", Family::Type::kCounter, "What.", {{3, {{"unit", "usd"}}}}}};
        }}});
  ASSERT_TRUE(exposer.ok()) << exposer.status();
  const std::string first = Get((*exposer)->address(), "/metrics");
  EXPECT_THAT(first, testing::HasSubstr("# TYPE qp_waiting_seconds gauge\nqp_waiting_seconds 1.5"));
  EXPECT_THAT(first,
              testing::HasSubstr("# TYPE qp_done_total counter\nqp_done_total{unit=\"usd\"} 3"));
  EXPECT_THAT(first, testing::Not(testing::HasSubstr("qp_unknown")));
  value = 2.5;
  EXPECT_THAT(Get((*exposer)->address(), "/metrics"), testing::HasSubstr("qp_waiting_seconds 2.5"));
  EXPECT_THAT(Get((*exposer)->address(), "/else"), testing::HasSubstr("404"));
  EXPECT_THAT(Get((*exposer)->address(), "/metrics/more"), testing::HasSubstr("404"));
}

TEST(Exposer, SaysOfAHistogramHowManyWereAtMostAsLong) {
  LatencyHistogram latency;
  latency.Record(std::chrono::microseconds(60));
  latency.Record(std::chrono::microseconds(72));
  latency.Record(std::chrono::seconds(11));
  const std::string text = Render({[&]() -> std::vector<Family> {
    return {Histograms("qp_took_seconds", "How long.",
                       {LatencySample(latency.Read(), {{"method", "Reserve"}})})};
  }});
  EXPECT_THAT(text, testing::HasSubstr("# TYPE qp_took_seconds histogram\n"
                                       "qp_took_seconds_count{method=\"Reserve\"} 3\n"
                                       "qp_took_seconds_sum{method=\"Reserve\"} 11.000132"));
  const auto at_most = [](std::string_view bound, int count) {
    return testing::HasSubstr(absl::StrCat("qp_took_seconds_bucket{method=\"Reserve\",le=\"",
                                           AbslView(bound), "\"} ", count, "\n"));
  };
  EXPECT_THAT(text, at_most("10", 2));
  EXPECT_THAT(text, at_most("+Inf", 3));
  for (const char* tail : {"999", "0000"})
    EXPECT_THAT(text, testing::Not(testing::HasSubstr(tail)));
  EXPECT_THAT(text, at_most("5e-05", 0));
  EXPECT_THAT(text, at_most("7.2e-05", 2));
}

TEST(Exposer, TellsProbesWhetherTheProcessLivesAndWhetherItIsReady) {
  std::atomic<bool> ready = false;
  const auto exposer = Exposer::Start({"127.0.0.1:0", {}, [&ready] { return ready.load(); }});
  ASSERT_TRUE(exposer.ok()) << exposer.status();
  const std::string& address = (*exposer)->address();
  EXPECT_THAT(Get(address, "/healthz"), testing::HasSubstr(" 200 OK"));
  EXPECT_THAT(Get(address, "/readyz"), testing::HasSubstr(" 503 "));
  ready = true;
  EXPECT_THAT(Get(address, "/readyz"), testing::HasSubstr(" 200 OK"));
  EXPECT_THAT(Get(address, "/healthz", "POST"), testing::HasSubstr(" 405 "));
  const std::string head = Get(address, "/healthz", "HEAD");
  EXPECT_THAT(head, testing::HasSubstr("Content-Length: 6"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
}

// A scrape that waits for a slow collector, and one more behind it, keep no probe waiting.
TEST(Exposer, ProbesAreAnsweredBesideScrapes) {
  absl::Notification scraped, probed;
  const auto exposer = Exposer::Start({"127.0.0.1:0", {[&]() -> std::vector<Family> {
                                         if (!scraped.HasBeenNotified()) scraped.Notify();
                                         probed.WaitForNotification();
                                         return {Gauge("qp_slow", "Slow.", 1)};
                                       }}});
  ASSERT_TRUE(exposer.ok()) << exposer.status();
  const std::string& address = (*exposer)->address();
  std::string texts[2];
  std::thread first([&] { texts[0] = Get(address, "/metrics"); });
  std::thread second([&] { texts[1] = Get(address, "/metrics"); });
  scraped.WaitForNotification();
  EXPECT_THAT(Get(address, "/healthz"), testing::HasSubstr(" 200 OK"));
  EXPECT_THAT(Get(address, "/readyz"), testing::HasSubstr(" 200 OK"));
  probed.Notify();
  first.join();
  second.join();
  for (const std::string& text : texts) EXPECT_THAT(text, testing::HasSubstr("qp_slow 1"));
}

TEST(Exposer, SaysThatItsPortIsTaken) {
  const auto first = Exposer::Start({"127.0.0.1:0"});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Exposer::Start({(*first)->address()});
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  for (const char* wrong : {"", "nowhere", "127.0.0.1:99999", "no.such.host.invalid:0"}) {
    EXPECT_FALSE(Exposer::Start({wrong}).ok()) << wrong;
  }
}

TEST(Exposer, StopsAtOnce) {
  for (const char* listen : {"127.0.0.1:0", "0.0.0.0:0"}) {
    auto exposer = Exposer::Start({listen});
    ASSERT_TRUE(exposer.ok()) << exposer.status();
    const absl::Time start = absl::Now();
    exposer->reset();
    EXPECT_LT(absl::Now() - start, absl::Seconds(1)) << listen;
  }
}

}  // namespace
}  // namespace quotaplane::metrics
