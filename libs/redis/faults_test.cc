// The client against servers that die, hang, stall, lie and come back. Each test ends when the
// client has healed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <deque>

#include "libs/redis/test_client.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/tcp_gate.h"

namespace quotaplane::redis {
namespace {

using fixtures::PollUntil;
using fixtures::RedisOptions;
using fixtures::RedisServer;
using fixtures::TcpGate;
using testing::HasSubstr;

// A tick late, and what a busy machine adds.
constexpr absl::Duration kLateness = absl::Milliseconds(500);

ClientOptions At(std::string url, absl::Duration silence = absl::Milliseconds(250)) {
  ClientOptions options;
  options.url = std::move(url);
  options.silence_timeout = silence;
  return options;
}

void ExpectHealed(Client& client) {
  const absl::Status ready = client.WaitReady(kAmple);
  EXPECT_TRUE(ready.ok()) << ready;
  const auto pong = CallAndWait(client, "", {"PING"}, kAmple);
  ASSERT_TRUE(pong.ok()) << pong.status();
  EXPECT_EQ(pong->text, "PONG");
}

bool Becomes(Client& client, bool available) {
  return PollUntil(kAmple, [&] { return client.Available("") == available; });
}

TEST(RedisFaultsTest, KilledAndRestartedUnderLoad) {
  RedisOptions options;
  options.append_only = true;
  // Written before each answer: with everysec, Redis answers before it writes while a flush is
  // under way, and a kill would lose what the client was told.
  options.config = {"appendfsync no"};
  RedisServer server(options);
  const Script script("return redis.call('INCR', KEYS[1])");
  const auto client = ReadyClient(At(server.url()), {&script});
  Load load(8, absl::Milliseconds(300), [&](int, int64_t, SteadyTime deadline, Callback done) {
    client->RunScript(script, {"count"}, {}, deadline, std::move(done));
  });
  for (int round = 0; round < 5; ++round) {
    const int64_t ok = load.ok();
    ASSERT_TRUE(PollUntil(kAmple, [&] { return load.ok() > ok + 200; })) << load.last_error();
    const int64_t failed = load.failed();
    server.Kill();
    ASSERT_TRUE(PollUntil(kAmple, [&] { return load.failed() > failed + 20; }));
    server.Start();
  }
  const int64_t ok = load.ok();
  EXPECT_TRUE(PollUntil(kAmple, [&] { return load.ok() > ok + 200; })) << load.last_error();
  load.Stop();
  EXPECT_EQ(load.lost(), 0);
  EXPECT_EQ(load.doubled(), 0);
  EXPECT_EQ(load.unexpected(), 0);
  EXPECT_LT(load.worst_lateness(), kLateness + load.worst_stall());
  EXPECT_GE(client->stats().reconnects, 5);
  // What was answered had run, and nothing ran twice.
  const int64_t count = std::stoll(server.Command({"GET", "count"}).text);
  EXPECT_GE(count, load.ok());
  EXPECT_LE(count, load.ok() + load.failed());
  ExpectHealed(*client);
}

TEST(RedisFaultsTest, HungServerStallsOnlyTheCallsUnderWay) {
  RedisServer server;
  const auto client = ReadyClient(At(server.unix_url()));
  server.Pause();
  Outcomes hasty, patient;
  client->Call("", {"PING"}, In(absl::Milliseconds(50)), hasty.Next());
  client->Call("", {"PING"}, In(kAmple), patient.Next());
  const SteadyTime start = std::chrono::steady_clock::now();
  ASSERT_TRUE(hasty.WaitAll());
  EXPECT_EQ(hasty.Count(absl::StatusCode::kDeadlineExceeded), 1);
  ASSERT_TRUE(patient.WaitAll());
  const auto stalled = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(patient.Count(absl::StatusCode::kUnavailable), 1);
  EXPECT_THAT(std::string(patient.replies()[0].status().message()), HasSubstr("silent"));
  EXPECT_GE(stalled, std::chrono::milliseconds(200));
  EXPECT_LT(absl::FromChrono(stalled), kAmple / 2);
  // The breaker: at once, on the caller's thread.
  EXPECT_FALSE(client->Available(""));
  Outcomes refused;
  client->Call("", {"PING"}, In(kAmple), refused.Next());
  EXPECT_EQ(refused.Count(absl::StatusCode::kUnavailable), 1);
  server.Resume();
  ExpectHealed(*client);
}

TEST(RedisFaultsTest, LateRepliesAnswerNobodyElse) {
  RedisServer server;
  TcpGate gate(server.port());
  const auto client = ReadyClient(At(server.TcpUrl(gate.port()), absl::Seconds(10)));
  gate.Delay(absl::Milliseconds(60));
  Outcomes late, patient;
  for (int i = 0; i < 20; ++i) {
    client->Call("", {"ECHO", absl::StrCat("late", i)}, In(absl::Milliseconds(10)), late.Next());
    client->Call("", {"ECHO", absl::StrCat("patient", i)}, In(kAmple), patient.Next());
  }
  ASSERT_TRUE(patient.WaitAll());
  ASSERT_TRUE(late.WaitAll());
  EXPECT_EQ(late.Count(absl::StatusCode::kDeadlineExceeded), 20);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(patient.replies()[i]->text, absl::StrCat("patient", i));
  EXPECT_EQ(late.doubled() + patient.doubled(), 0);
  EXPECT_EQ(client->stats().reconnects, 0);
  gate.Pass();
  ExpectHealed(*client);
}

TEST(RedisFaultsTest, RefusedThenAccepted) {
  RedisServer server;
  TcpGate gate(server.port());
  gate.Refuse();
  const SteadyTime start = std::chrono::steady_clock::now();
  auto client = Client::Start(At(server.TcpUrl(gate.port())), {});
  ASSERT_TRUE(client.ok());
  // Seven attempts have waited six times: at least half of 10+20+40+80+160+320 ms.
  ASSERT_TRUE(PollUntil(kAmple, [&] { return gate.stats().refused >= 7; }));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(315));
  EXPECT_FALSE((*client)->Available(""));
  EXPECT_EQ(CallAndWait(**client, "", {"PING"}, kAmple).status().code(),
            absl::StatusCode::kUnavailable);
  gate.Pass();
  ExpectHealed(**client);
}

TEST(RedisFaultsTest, GateThatHangs) {
  RedisServer server;
  TcpGate gate(server.port());
  ClientOptions options = At(server.TcpUrl(gate.port()));
  options.connect_timeout = absl::Milliseconds(200);
  const auto client = ReadyClient(options);
  gate.Hang();
  EXPECT_EQ(CallAndWait(*client, "", {"PING"}, kAmple).status().code(),
            absl::StatusCode::kUnavailable);
  // New connections are accepted and hear nothing: each attempt ends at the connect timeout.
  const int64_t accepted = gate.stats().accepted;
  ASSERT_TRUE(PollUntil(kAmple, [&] { return gate.stats().accepted >= accepted + 2; }));
  EXPECT_FALSE(client->Available(""));
  gate.Pass();
  ExpectHealed(*client);
}

TEST(RedisFaultsTest, CutInMidReply) {
  RedisServer server;
  TcpGate gate(server.port());
  const auto client = ReadyClient(At(server.TcpUrl(gate.port())));
  const std::string value(100'000, 'v');
  server.Command({"SET", "k", value});
  for (const int64_t cut : {1, 9, 10, 50'000, 100'009}) {
    gate.CutAfter(cut);
    const auto reply = CallAndWait(*client, "", {"GET", "k"}, kAmple);
    EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable) << cut;
    EXPECT_THAT(std::string(reply.status().message()), HasSubstr("may or may not have run"));
    ExpectHealed(*client);
  }
  EXPECT_TRUE(CallAndWait(*client, "", {"GET", "k"}, kAmple)->text == value);
}

TEST(RedisFaultsTest, ACallWithoutAnAnswerIsNotSentAgain) {
  RedisServer server;
  TcpGate gate(server.port());
  const Script script("return redis.call('INCR', KEYS[1])");
  const auto client = ReadyClient(At(server.TcpUrl(gate.port())), {&script});
  for (int i = 0; i < 5; ++i) {
    gate.CutAfter(0);
    EXPECT_EQ(RunAndWait(*client, script, {"n"}, {}).status().code(),
              absl::StatusCode::kUnavailable);
    ExpectHealed(*client);
  }
  EXPECT_EQ(server.Command({"GET", "n"}).text, "5");
}

TEST(RedisFaultsTest, AWriteThatBlocksIsFinishedOrEnded) {
  RedisServer server;
  TcpGate gate(server.port());
  const auto client = ReadyClient(At(server.TcpUrl(gate.port()), absl::Seconds(1)));
  gate.Hang();
  const std::string big(30 << 20, 'b');
  Outcomes outcomes;
  client->Call("", {"SET", "k", big}, In(kAmple), outcomes.Next());  // returns though nobody reads
  client->Call("", {"GET", "k"}, In(kAmple), outcomes.Next());
  EXPECT_EQ(outcomes.replies().size(), 0u);
  ASSERT_TRUE(outcomes.WaitAll());
  EXPECT_EQ(outcomes.Count(absl::StatusCode::kUnavailable), 2);
  gate.Pass();
  ExpectHealed(*client);
  EXPECT_EQ(CallAndWait(*client, "", {"SET", "k", big}, kAmple)->text, "OK");
}

TEST(RedisFaultsTest, OneMoreThanMaxPendingIsRefused) {
  RedisServer server;
  ClientOptions options = At(server.unix_url(), absl::Seconds(10));
  options.max_pending = 10;
  const auto client = ReadyClient(options);
  server.Pause();
  Outcomes taken, more;
  for (int i = 0; i < 10; ++i) client->Call("", {"PING"}, In(kAmple), taken.Next());
  EXPECT_EQ(client->stats().pending, 10);
  for (int i = 0; i < 3; ++i) client->Call("", {"PING"}, In(kAmple), more.Next());
  EXPECT_EQ(more.Count(absl::StatusCode::kResourceExhausted), 3);
  EXPECT_EQ(client->stats().rejected_full, 3);
  server.Resume();
  ASSERT_TRUE(taken.WaitAll());
  EXPECT_EQ(taken.Count(absl::StatusCode::kOk), 10);
  ExpectHealed(*client);
}

TEST(RedisFaultsTest, TimedOutCallsCountAsPendingUntilTheirRepliesCome) {
  RedisServer server;
  ClientOptions options = At(server.unix_url(), absl::Seconds(10));
  options.max_pending = 2;
  const auto client = ReadyClient(options);
  server.Pause();
  Outcomes late, refused;
  for (int i = 0; i < 2; ++i) client->Call("", {"PING"}, In(absl::Milliseconds(10)), late.Next());
  ASSERT_TRUE(late.WaitAll());
  client->Call("", {"PING"}, In(kAmple), refused.Next());
  EXPECT_EQ(refused.Count(absl::StatusCode::kResourceExhausted), 1);
  server.Resume();
  ASSERT_TRUE(PollUntil(kAmple, [&] { return client->stats().pending == 0; }));
  ExpectHealed(*client);
}

TEST(RedisFaultsTest, DestructionCancelsWhatWaits) {
  RedisServer server;
  Outcomes outcomes;
  {
    const auto client = ReadyClient(At(server.unix_url(), absl::Seconds(10)));
    server.Pause();
    for (int i = 0; i < 100; ++i) client->Call("", {"PING"}, In(kAmple), outcomes.Next());
  }
  EXPECT_EQ(outcomes.Count(absl::StatusCode::kCancelled), 100);
  server.Resume();
  EXPECT_EQ(outcomes.doubled(), 0);
}

TEST(RedisFaultsTest, DestructionInEveryState) {
  RedisServer server;
  TcpGate gate(server.port());
  gate.Hang();
  for (const std::string& url :
       {server.unix_url(), server.TcpUrl(gate.port()), absl::StrCat("redis://127.0.0.1:1"),
        absl::StrCat("redis+sentinel://127.0.0.1:", gate.port(), "/main"),
        absl::StrCat("redis+cluster://127.0.0.1:", gate.port())}) {
    Outcomes outcomes;
    {
      auto client = Client::Start(At(url), {});
      ASSERT_TRUE(client.ok());
      (*client)->Call("", {"PING"}, In(kAmple), outcomes.Next());
    }
    EXPECT_EQ(outcomes.replies().size(), 1u) << url;
  }
}

TEST(RedisFaultsTest, AMasterThatBecameAReplicaIsLeft) {
  RedisServer server;
  const auto client = ReadyClient(At(server.unix_url()));
  server.Command({"REPLICAOF", "127.0.0.1", "1"});
  EXPECT_TRUE(PollUntil(kAmple, [&] {
    const auto reply = CallAndWait(*client, "", {"SET", "k", "v"}, kAmple);
    EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable);
    return reply.status().message().find("READONLY") != reply.status().message().npos;
  }));
  ASSERT_TRUE(PollUntil(kAmple, [&] { return client->stats().reconnects > 0; }));
  server.Command({"REPLICAOF", "NO", "ONE"});
  ExpectHealed(*client);
  EXPECT_TRUE(PollUntil(kAmple, [&] {
    return CallAndWait(*client, "", {"SET", "k", "v"}, kAmple).ok();
  }));
}

TEST(RedisFaultsTest, OutOfMemoryIsUnavailable) {
  RedisServer server;
  const auto client = ReadyClient(At(server.unix_url()));
  server.Command({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_EQ(CallAndWait(*client, "", {"SET", "k", "v"}, kAmple).status().code(),
            absl::StatusCode::kUnavailable);
  server.Command({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_TRUE(CallAndWait(*client, "", {"SET", "k", "v"}, kAmple).ok());
}

// A server that greets well and then answers every read with the next of `answers`, whatever was
// asked.
class LyingServer {
 public:
  explicit LyingServer(std::deque<std::string> answers) : answers_(std::move(answers)) {
    thread_ = std::thread([this] { Serve(); });
  }
  ~LyingServer() {
    stop_ = true;
    asio::ip::tcp::socket last(io_);
    std::error_code ignored;
    last.connect(acceptor_.local_endpoint(), ignored);  // ends a waiting accept
    last.close(ignored);                                // and the read after it
    thread_.join();
  }
  std::string url() const {
    return absl::StrCat("redis://127.0.0.1:", acceptor_.local_endpoint().port());
  }

 private:
  void Serve() {
    while (!stop_) {
      asio::ip::tcp::socket socket(io_);
      std::error_code error;
      acceptor_.accept(socket, error);
      std::string greeting = "+PONG\r\n";
      std::array<char, 4096> buffer;
      while (!error && socket.read_some(asio::buffer(buffer), error) > 0 && !error) {
        if (greeting.empty() && answers_.empty()) break;
        std::string answer = std::exchange(greeting, "");
        if (answer.empty()) {
          answer = answers_.front();
          answers_.pop_front();
        }
        asio::write(socket, asio::buffer(answer), error);
      }
    }
  }

  std::deque<std::string> answers_;
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::make_address("127.0.0.1"), 0}};
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST(RedisFaultsTest, MalformedAndUnaskedRepliesCloseTheConnection) {
  LyingServer server({"?what\r\n", "$3\r\nabcde\r\n", ":1\r\n:2\r\n", "*99999999\r\n", ":7\r\n"});
  const auto client = ReadyClient(At(server.url()));
  const auto ask = [&] {
    EXPECT_TRUE(client->WaitReady(kAmple).ok());
    return CallAndWait(*client, "", {"PING"}, kAmple);
  };
  for (int i = 0; i < 2; ++i) {
    const auto malformed = ask();
    EXPECT_EQ(malformed.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(malformed.status().message()), HasSubstr("malformed"));
    ASSERT_TRUE(PollUntil(kAmple, [&] { return client->stats().reconnects == i + 1; }));
  }
  const auto first = ask();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->integer, 1);  // and the second is nobody's
  ASSERT_TRUE(PollUntil(kAmple, [&] { return client->stats().reconnects == 3; }));
  EXPECT_EQ(ask().status().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(PollUntil(kAmple, [&] { return client->stats().reconnects == 4; }));
  EXPECT_EQ(ask()->integer, 7);
}

TEST(RedisFaultsTest, RepeatedDropsUnderLoad) {
  RedisServer server;
  TcpGate gate(server.port());
  const auto client = ReadyClient(At(server.TcpUrl(gate.port())));
  std::atomic<int> wrong = 0;
  Load load(8, absl::Milliseconds(300),
            [&](int thread, int64_t serial, SteadyTime deadline, Callback done) {
              const std::string payload =
                  absl::StrCat(thread, ".", serial, std::string(serial % 500, 'x'));
              client->Call(
                  "", {"ECHO", payload}, deadline,
                  [&, payload, done = std::move(done)](absl::StatusOr<Reply> reply) mutable {
                    if (reply.ok() && reply->text != payload) ++wrong;
                    done(std::move(reply));
                  });
            });
  for (int i = 0; i < 8; ++i) {
    const int64_t ok = load.ok();
    ASSERT_TRUE(PollUntil(kAmple, [&] { return load.ok() > ok + 50; })) << load.last_error();
    if (i % 2 == 0) {
      gate.DropConnections();
    } else {
      gate.CutAfter(i * 37);
    }
    ASSERT_TRUE(PollUntil(kAmple, [&] { return client->stats().reconnects > i; }));
  }
  EXPECT_TRUE(Becomes(*client, true));
  load.Stop();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(load.lost() + load.doubled() + load.unexpected(), 0);
  EXPECT_LT(load.worst_lateness(), kLateness + load.worst_stall());
  ExpectHealed(*client);
}

}  // namespace
}  // namespace quotaplane::redis
