#include "libs/testing/tcp_gate.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "libs/testing/redis_server.h"

namespace quotaplane::fixtures {
namespace {

class TcpGateTest : public ::testing::Test {
 protected:
  RespClient Connect(absl::Duration timeout = absl::Seconds(10)) {
    std::optional<RespClient> client = RespClient::ConnectTcp(gate_.port(), timeout);
    EXPECT_TRUE(client.has_value());
    return *std::move(client);
  }

  RedisServer redis_;
  TcpGate gate_{redis_.port()};
};

TEST_F(TcpGateTest, PassesBothWaysAndCounts) {
  RespClient client = Connect();
  const std::string large(5 << 20, 'x');
  EXPECT_EQ(client.Command({"SET", "k", large})->text, "OK");
  EXPECT_EQ(client.Command({"GET", "k"})->text, large);
  const TcpGate::Stats stats = gate_.stats();
  EXPECT_EQ(stats.accepted, 1);
  EXPECT_EQ(stats.open, 1);
  EXPECT_GT(stats.to_server_bytes, 5 << 20);
  EXPECT_GT(stats.to_client_bytes, 5 << 20);
}

TEST_F(TcpGateTest, ReachesUnixSockets) {
  const TcpGate gate(redis_.socket_path());
  std::optional<RespClient> client = RespClient::ConnectTcp(gate.port());
  EXPECT_EQ(client->Command({"PING"})->text, "PONG");
}

TEST_F(TcpGateTest, RefuseResetsNewConnectionsOnly) {
  RespClient before = Connect();
  EXPECT_EQ(before.Command({"PING"})->text, "PONG");
  gate_.Refuse();
  RespClient refused = Connect();
  EXPECT_FALSE(refused.Command({"PING"}).has_value());
  EXPECT_EQ(before.Command({"PING"})->text, "PONG");
  EXPECT_EQ(gate_.stats().refused, 1);
  gate_.Pass();
  RespClient after = Connect();
  EXPECT_EQ(after.Command({"PING"})->text, "PONG");
}

TEST_F(TcpGateTest, StoppedServerIsAReset) {
  redis_.Stop();
  RespClient client = Connect();
  EXPECT_FALSE(client.Command({"PING"}).has_value());
  EXPECT_EQ(gate_.stats().refused, 1);
  redis_.Start();
  EXPECT_EQ(Connect().Command({"PING"})->text, "PONG");
}

TEST_F(TcpGateTest, HangIsSilenceAndPassHealsIt) {
  RespClient open = Connect();
  EXPECT_EQ(open.Command({"PING"})->text, "PONG");
  gate_.Hang();
  RespClient impatient = Connect(absl::Milliseconds(30));
  EXPECT_FALSE(impatient.Command({"INCR", "hung"}).has_value());
  std::thread waiting([&] { EXPECT_EQ(open.Command({"INCR", "n"})->integer, 1); });
  EXPECT_EQ(redis_.Command({"EXISTS", "n", "hung"}).integer, 0);
  gate_.Pass();
  waiting.join();
  EXPECT_EQ(Connect().Command({"PING"})->text, "PONG");
}

TEST_F(TcpGateTest, DelayHoldsEachWay) {
  RespClient client = Connect();
  EXPECT_EQ(client.Command({"PING"})->text, "PONG");
  gate_.Delay(absl::Milliseconds(40));
  const absl::Time start = absl::Now();
  EXPECT_EQ(client.Command({"PING"})->text, "PONG");
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(80));
}

TEST_F(TcpGateTest, CutEndsTheReplyAtTheByte) {
  redis_.Command({"SET", "k", "0123456789"});  // the reply: "$10\r\n0123456789\r\n", 17 bytes
  for (int bytes = 0; bytes <= 17; ++bytes) {
    RespClient client = Connect();
    const int64_t before = gate_.stats().to_client_bytes;
    gate_.CutAfter(bytes);
    EXPECT_EQ(client.Command({"GET", "k"}).has_value(), bytes == 17) << bytes;
    EXPECT_EQ(gate_.stats().to_client_bytes - before, bytes);
    EXPECT_EQ(gate_.stats().dropped, bytes + 1);
    EXPECT_EQ(Connect().Command({"GET", "k"})->text, "0123456789");
  }
}

TEST_F(TcpGateTest, CutAtZeroLosesTheReplyNotTheRequest) {
  RespClient client = Connect();
  gate_.CutAfter(0);
  EXPECT_FALSE(client.Command({"INCR", "n"}).has_value());
  EXPECT_EQ(redis_.Command({"GET", "n"}).text, "1");
}

TEST_F(TcpGateTest, DropConnectionsResetsOpenOnes) {
  RespClient a = Connect();
  RespClient b = Connect();
  EXPECT_EQ(a.Command({"PING"})->text, "PONG");
  EXPECT_EQ(b.Command({"PING"})->text, "PONG");
  gate_.DropConnections();
  EXPECT_FALSE(a.Command({"PING"}).has_value());
  EXPECT_FALSE(b.Command({"PING"}).has_value());
  EXPECT_EQ(gate_.stats().open, 0);
  EXPECT_EQ(gate_.stats().dropped, 2);
  EXPECT_EQ(Connect().Command({"PING"})->text, "PONG");
}

TEST_F(TcpGateTest, SurvivesSwitchingUnderLoad) {
  constexpr int kClients = 4;
  std::atomic<bool> stop = false;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      while (!stop) {
        RespClient client = Connect(absl::Milliseconds(200));
        for (int n = 0; n < 20; ++n) {
          if (!client.Command({"SET", absl::StrCat("k", i), absl::StrCat(n)})) break;
        }
      }
    });
  }
  for (int round = 0; round < 50; ++round) {
    gate_.CutAfter(round);
    gate_.Delay(absl::Microseconds(100));
    gate_.Refuse();
    gate_.Hang();
    gate_.DropConnections();
    gate_.Pass();
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(Connect().Command({"PING"})->text, "PONG");
}

}  // namespace
}  // namespace quotaplane::fixtures
