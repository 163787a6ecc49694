#include "libs/metrics/exposer.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace quotaplane::metrics {
namespace {

// What an HTTP GET of `path` answers, header and all.
std::string Get(const std::string& address, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.substr(10).c_str())));
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
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
      "127.0.0.1:0",
      {[&]() -> std::vector<Family> {
         return {{"qp_waiting_seconds", Family::Type::kGauge, "How long.", {{value}}},
                 {"qp_unknown", Family::Type::kGauge, "Not known.", {}}};
       },
       []() -> std::vector<Family> {
         return {{"qp_done_total", Family::Type::kCounter, "What.", {{3, {{"unit", "usd"}}}}}};
       }});
  ASSERT_TRUE(exposer.ok()) << exposer.status();
  const std::string first = Get((*exposer)->address(), "/metrics");
  EXPECT_THAT(first, testing::HasSubstr("# TYPE qp_waiting_seconds gauge\nqp_waiting_seconds 1.5"));
  EXPECT_THAT(first,
              testing::HasSubstr("# TYPE qp_done_total counter\nqp_done_total{unit=\"usd\"} 3"));
  EXPECT_THAT(first, testing::Not(testing::HasSubstr("qp_unknown")));
  value = 2.5;
  EXPECT_THAT(Get((*exposer)->address(), "/metrics"), testing::HasSubstr("qp_waiting_seconds 2.5"));
  EXPECT_THAT(Get((*exposer)->address(), "/else"), testing::HasSubstr("404"));
}

TEST(Exposer, SaysThatItsPortIsTaken) {
  const auto first = Exposer::Start("127.0.0.1:0", {});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Exposer::Start((*first)->address(), {});
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  for (const char* wrong : {"", "nowhere", "127.0.0.1:99999", "no.such.host.invalid:0"}) {
    EXPECT_FALSE(Exposer::Start(wrong, {}).ok()) << wrong;
  }
}

TEST(Exposer, StopsAtOnce) {
  for (const char* listen : {"127.0.0.1:0", "0.0.0.0:0"}) {
    auto exposer = Exposer::Start(listen, {});
    ASSERT_TRUE(exposer.ok()) << exposer.status();
    const absl::Time start = absl::Now();
    exposer->reset();
    EXPECT_LT(absl::Now() - start, absl::Seconds(1)) << listen;
  }
}

}  // namespace
}  // namespace quotaplane::metrics
