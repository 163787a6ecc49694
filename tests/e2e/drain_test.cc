// SIGTERM: the server says that it leaves, finishes what it has begun, and goes; nothing that it
// acknowledged is lost.
#include <grpc/health/v1/health.grpc.pb.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>

#include "absl/time/clock.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/tcp_gate.h"
#include "tests/e2e/many_threads.h"
#include "tests/e2e/quota_client.h"
#include "tests/e2e/server_process.h"
#include "tests/faults/load.h"

namespace quotaplane::fixtures {
namespace {

namespace health = ::grpc::health::v1;

void ExpectGone(ServerProcess* server) {
  const std::optional<ExitStatus> exit = server->Wait(absl::Seconds(20));
  ASSERT_TRUE(exit.has_value()) << server->Log();
  EXPECT_EQ(exit->code, 0) << server->Log();
  EXPECT_EQ(exit->signal, 0);
}

TEST(Drain, UnderLoadLosesNothing) {
  RedisServer redis;
  ServerProcess server({.policy = kLoadPolicy, .redis = redis.url()});
  Load load({server.address()}, {.server_goes_away = true, .seed = TestSeed(31)});
  for (int i = 0; i < 3; ++i) {
    load.WaitForMore(&LoadCounts::pairs);
    server.Signal(SIGTERM);
    ExpectGone(&server);
    load.WaitForMore(&LoadCounts::unavailable, 16);
    server.Start();
  }
  load.WaitForMore(&LoadCounts::pairs);
  load.Settle();
  load.ExpectBooksBalance(&redis);
}

TEST(Drain, CallsInFlightFinishAndASecondSignalIsHarmless) {
  RedisServer redis;
  TcpGate gate(redis.port());
  ServerProcess server({.policy = kLoadPolicy, .redis = redis.TcpUrl(gate.port())});
  const QuotaClient client(server.address());
  const v1::Subject subject = SubjectOf("strict-1");
  ASSERT_TRUE(client.Call(ReserveOf("r", subject, {1, 1})).ok());
  gate.Delay(absl::Milliseconds(50));
  const auto seen = [&] { return gate.stats().to_server_bytes; };
  std::vector<std::future<Answer<v1::CommitResponse>>> answers;
  for (int i = 0; i < 8; ++i) {
    answers.push_back(std::async(std::launch::async, [&, i] {
      return client.Call(CommitOf(std::to_string(i), subject, {10, 10}));
    }));
  }
  // Each of them is on its way to the store by now, for the calls of each were some hundred bytes.
  const int64_t before = seen();
  ASSERT_TRUE(PollUntil(absl::Seconds(10), [&] { return seen() > before + 8 * 300; }));
  server.Signal(SIGTERM);
  server.Signal(SIGTERM);
  for (auto& answer : answers) {
    const auto commit = answer.get();
    EXPECT_TRUE(commit.ok()) << commit.status.error_message();
    EXPECT_FALSE(commit.response.spooled());
  }
  server.Signal(SIGTERM);
  ExpectGone(&server);
  server.Start();
  EXPECT_EQ(LimitOf(client, subject, "strict-requests").used(), 9);
}

TEST(Drain, HealthSaysSoToThoseWhoWatch) {
  RedisServer redis;
  ServerProcess server({.policy = kLoadPolicy, .redis = redis.url()});
  const QuotaClient client(server.address());
  const auto stub = health::Health::NewStub(client.channel());
  for (const char* service : {"", "quotaplane.v1.QuotaService"}) {
    grpc::ClientContext context;
    health::HealthCheckRequest request;
    health::HealthCheckResponse response;
    request.set_service(service);
    ASSERT_TRUE(stub->Check(&context, request, &response).ok());
    EXPECT_EQ(response.status(), health::HealthCheckResponse::SERVING) << service;
  }
  grpc::ClientContext context;
  health::HealthCheckRequest request;
  request.set_service("quotaplane.v1.QuotaService");
  const auto watch = stub->Watch(&context, request);
  health::HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), health::HealthCheckResponse::SERVING);
  const absl::Time start = absl::Now();
  server.Signal(SIGTERM);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), health::HealthCheckResponse::NOT_SERVING);
  // Somebody who watches does not keep the server: the drain itself ends the call. At the end of
  // the grace it would be CANCELLED.
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_code(), grpc::UNAVAILABLE);
  ExpectGone(&server);
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));
}

TEST(Drain, EndsThoseWhoWatchWhatIsNotThere) {
  RedisServer redis;
  ServerProcess server({.policy = kLoadPolicy, .redis = redis.url()});
  const QuotaClient client(server.address());
  const auto stub = health::Health::NewStub(client.channel());
  grpc::ClientContext context;
  health::HealthCheckRequest request;
  request.set_service("nobody");
  const auto watch = stub->Watch(&context, request);
  health::HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), health::HealthCheckResponse::SERVICE_UNKNOWN);
  server.Signal(SIGTERM);
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_code(), grpc::UNAVAILABLE);
  ExpectGone(&server);
}

}  // namespace
}  // namespace quotaplane::fixtures
