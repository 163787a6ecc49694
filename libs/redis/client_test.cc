// The client against real servers that behave.
#include "libs/redis/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/redis/test_client.h"
#include "libs/testing/redis_server.h"

namespace quotaplane::redis {
namespace {

using fixtures::RedisOptions;
using fixtures::RedisServer;
using testing::HasSubstr;
using testing::Not;

ClientOptions At(std::string url) {
  ClientOptions options;
  options.url = std::move(url);
  options.silence_timeout = absl::Seconds(5);  // these tests are not about it
  return options;
}

TEST(ClientTest, EveryReplyTypeOverUnixAndTcp) {
  RedisServer server;
  for (const std::string& url : {server.unix_url(), server.tcp_url()}) {
    const auto client = ReadyClient(At(url));
    ASSERT_NE(client, nullptr);
    EXPECT_TRUE(client->Available("any"));
    const std::string binary("\0\r\n\xff$", 5);
    EXPECT_EQ(CallAndWait(*client, "k", {"SET", "k", binary}, kAmple)->text, "OK");
    EXPECT_EQ(CallAndWait(*client, "k", {"GET", "k"}, kAmple)->text, binary);
    EXPECT_EQ(CallAndWait(*client, "k", {"GET", "none"}, kAmple)->type, Reply::Type::kNil);
    EXPECT_EQ(CallAndWait(*client, "k", {"STRLEN", "k"}, kAmple)->integer, 5);
    const auto several = CallAndWait(*client, "k", {"MGET", "k", "none"}, kAmple);
    ASSERT_EQ(several->elements.size(), 2u);
    EXPECT_EQ(several->elements[0].text, binary);
    EXPECT_EQ(several->elements[1].type, Reply::Type::kNil);
    const auto wrong = CallAndWait(*client, "k", {"LPUSH", "k", "1"}, kAmple);
    EXPECT_EQ(wrong.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("WRONGTYPE"));
    EXPECT_EQ(CallAndWait(*client, "k", {}, kAmple).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(ClientTest, BigValuesBothWays) {
  RedisServer server;
  const auto client = ReadyClient(At(server.unix_url()));
  const std::string big(20 << 20, 'b');  // more than any socket buffer takes at once
  EXPECT_EQ(CallAndWait(*client, "k", {"SET", "k", big}, kAmple)->text, "OK");
  EXPECT_TRUE(CallAndWait(*client, "k", {"GET", "k"}, kAmple)->text == big);
}

TEST(ClientTest, RepliesGoToTheirCalls) {
  RedisServer server;
  const auto client = ReadyClient(At(server.unix_url()));
  std::atomic<int> wrong = 0;
  Load load(8, kAmple, [&](int thread, int64_t serial, SteadyTime deadline, Callback done) {
    const std::string payload = absl::StrCat(thread, ".", serial, std::string(serial % 3000, 'x'));
    client->Call("", {"ECHO", payload}, deadline,
                 [&, payload, done = std::move(done)](absl::StatusOr<Reply> reply) mutable {
                   if (!reply.ok() || reply->text != payload) ++wrong;
                   done(std::move(reply));
                 });
  });
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return load.ok() > 20000; }));
  load.Stop();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(load.failed() + load.lost() + load.doubled(), 0);
  EXPECT_EQ(client->stats().pending, 0);
  EXPECT_EQ(client->stats().calls, load.ok());
  EXPECT_EQ(client->stats().errors, 0);
}

TEST(ClientTest, CallsFromCallbacks) {
  RedisServer server;
  const auto client = ReadyClient(At(server.unix_url()));
  Outcomes outcomes;
  Callback last = outcomes.Next();
  std::function<void(int)> next = [&](int left) {
    client->Call("n", {"INCR", "n"}, In(kAmple), [&, left](absl::StatusOr<Reply> reply) {
      if (left == 0) return last(std::move(reply));
      next(left - 1);
    });
  };
  next(99);
  ASSERT_TRUE(outcomes.WaitAll());
  EXPECT_EQ(outcomes.replies()[0]->integer, 100);
}

TEST(ClientTest, ScriptsAreLoadedBeforeReady) {
  RedisServer server;
  const Script script("return {KEYS[1], ARGV[1]}");
  const auto client = ReadyClient(At(server.unix_url()), {&script});
  EXPECT_EQ(server.Command({"SCRIPT", "EXISTS", script.sha1_hex()}).elements.at(0).integer, 1);
  const auto reply = RunAndWait(*client, script, {"key"}, {"arg"});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->elements.at(0).text, "key");
  EXPECT_EQ(reply->elements.at(1).text, "arg");
}

TEST(ClientTest, AScriptTheServerLostIsSentAgain) {
  RedisServer server;
  const Script script("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  const Script unknown("return 'never given to Start'");
  const auto client = ReadyClient(At(server.unix_url()), {&script});
  server.Command({"SCRIPT", "FLUSH"});
  EXPECT_EQ(RunAndWait(*client, script, {"k"}, {"2"})->integer, 2);
  EXPECT_EQ(RunAndWait(*client, script, {"k"}, {"3"})->integer, 5);
  EXPECT_EQ(RunAndWait(*client, unknown, {"k"}, {})->text, "never given to Start");
  const auto plain = CallAndWait(*client, "k", {"EVALSHA", std::string(40, '0'), "0"}, kAmple);
  EXPECT_EQ(plain.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ClientTest, ScriptFlushUnderLoad) {
  RedisServer server;
  const Script script("return redis.call('INCR', KEYS[1])");
  const auto client = ReadyClient(At(server.unix_url()), {&script});
  Load load(8, kAmple, [&](int, int64_t, SteadyTime deadline, Callback done) {
    client->RunScript(script, {"count"}, {}, deadline, std::move(done));
  });
  for (int flush = 1; flush <= 20; ++flush) {
    server.Command({"SCRIPT", "FLUSH"});
    ASSERT_TRUE(fixtures::PollUntil(kAmple, [&] { return load.ok() > flush * 100; }));
  }
  load.Stop();
  EXPECT_EQ(load.failed() + load.lost() + load.doubled(), 0) << load.last_error();
  // A call that got NOSCRIPT had not run: each has run once.
  EXPECT_EQ(server.Command({"GET", "count"}).text, absl::StrCat(load.ok()));
}

TEST(ClientTest, DatabaseOfTheUrl) {
  RedisServer server;
  const auto client = ReadyClient(At(server.unix_url() + "?db=5"));
  EXPECT_EQ(CallAndWait(*client, "k", {"SET", "k", "v"}, kAmple)->text, "OK");
  EXPECT_EQ(server.Command({"EXISTS", "k"}).integer, 0);
  const auto other = ReadyClient(At(server.tcp_url() + "/5"));
  EXPECT_EQ(CallAndWait(*other, "k", {"GET", "k"}, kAmple)->text, "v");
}

TEST(ClientTest, PasswordAndAclUser) {
  RedisOptions options;
  options.users = {{.name = "app", .password = "p@ss:/word"}};
  RedisServer server(options);
  const auto client =
      ReadyClient(At(absl::StrCat("redis://app:p%40ss%3A%2Fword@127.0.0.1:", server.port())));
  EXPECT_EQ(CallAndWait(*client, "", {"ACL", "WHOAMI"}, kAmple)->text, "app");
  ClientOptions elsewhere = At(absl::StrCat("redis://app:wrong@127.0.0.1:", server.port()));
  elsewhere.password = "p@ss:/word";
  EXPECT_EQ(CallAndWait(*ReadyClient(elsewhere), "", {"ACL", "WHOAMI"}, kAmple)->text, "app");

  RedisOptions required;
  required.password = "hunter2";
  RedisServer closed(required);
  EXPECT_EQ(CallAndWait(*ReadyClient(At(closed.url())), "", {"PING"}, kAmple)->text, "PONG");
}

// Waits for the client to have failed once, and gives what it says.
std::string ErrorOf(const std::string& url) {
  const auto client = Client::Start(At(url), {});
  EXPECT_TRUE(client.ok()) << client.status();
  std::string message;
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] {
    const auto reply = CallAndWait(**client, "", {"PING"}, kAmple);
    EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable);
    message = std::string(reply.status().message());
    return message.find("not connected yet") == message.npos;
  }));
  EXPECT_FALSE((*client)->Available(""));
  const absl::Status ready = (*client)->WaitReady(absl::Milliseconds(1));
  EXPECT_EQ(ready.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(ready.message()), HasSubstr("Redis"));
  return message;
}

TEST(ClientTest, RefusalsSayWhyAndNeverThePassword) {
  RedisOptions options;
  options.users = {{.name = "app", .password = "right"}};
  RedisServer server(options);
  const std::string wrong = ErrorOf(absl::StrCat("redis://app:hunter2@127.0.0.1:", server.port()));
  EXPECT_THAT(wrong, HasSubstr("AUTH refused: WRONGPASS"));
  // A server without AUTH repeats what it was told.
  RedisOptions no_auth;
  no_auth.config = {"rename-command AUTH \"\""};
  RedisServer renamed(no_auth);
  const std::string unknown = ErrorOf(absl::StrCat("redis://:hunter2@127.0.0.1:", renamed.port()));
  EXPECT_THAT(unknown, HasSubstr("AUTH refused: ERR"));
  EXPECT_THAT(wrong + unknown, Not(HasSubstr("hunter2")));
  EXPECT_THAT(ErrorOf(absl::StrCat("redis://127.0.0.1:", renamed.port(), "/4000")),
              HasSubstr("out of range"));
  EXPECT_THAT(ErrorOf("unix:///nowhere/redis.sock"), HasSubstr("No such file"));
  EXPECT_THAT(ErrorOf("unix:///" + std::string(200, 'x')), HasSubstr("too long"));
}

TEST(ClientTest, BadOptionsAreErrors) {
  EXPECT_EQ(Client::Start(At("redis://"), {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Client::Start(At("redis://user@h"), {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Client::Start(At("rediss://h?cafile=/nowhere"), {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  ClientOptions none = At("redis://h");
  none.max_pending = 0;
  EXPECT_EQ(Client::Start(none, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ClientTest, EachMasterOfOne) {
  RedisServer server;
  const auto client = ReadyClient(At(server.unix_url()));
  Outcomes outcomes;
  client->CallEachMaster({"PING"}, In(kAmple), outcomes.Next());
  client->CallEachMaster({"LPUSH"}, In(kAmple), outcomes.Next());
  ASSERT_TRUE(outcomes.WaitAll());
  EXPECT_EQ(outcomes.replies()[0]->elements.at(0).text, "PONG");
  EXPECT_EQ(outcomes.replies()[1].status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ClientTest, TlsVerifiesTheServer) {
  RedisOptions options;
  options.tls = true;
  options.tls_client_auth = true;
  options.config = {"bind 127.0.0.1 127.0.0.2"};
  RedisServer server(options);
  const Script script("return ARGV[1]");
  const auto client = ReadyClient(At(server.url()), {&script});
  const std::string big(3 << 20, 'b');
  EXPECT_TRUE(RunAndWait(*client, script, {}, {big})->text == big);
  Load load(8, kAmple, [&](int thread, int64_t serial, SteadyTime deadline, Callback done) {
    client->Call("", {"ECHO", absl::StrCat(thread, serial)}, deadline, std::move(done));
  });
  EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return load.ok() > 5000; }));
  load.Stop();
  EXPECT_EQ(load.failed() + load.lost() + load.doubled(), 0) << load.last_error();

  const auto& files = server.tls_files();
  const std::string client_files =
      absl::StrCat("&certfile=", files.client_cert, "&keyfile=", files.client_key);
  // 127.0.0.2 reaches the same server, whose certificate does not name it.
  EXPECT_THAT(ErrorOf(absl::StrCat("rediss://127.0.0.2:", server.port(), "?cafile=", files.ca_cert,
                                   client_files)),
              HasSubstr("TLS"));
  EXPECT_THAT(ErrorOf(absl::StrCat("rediss://127.0.0.1:", server.port(),
                                   "?cafile=", files.client_cert, client_files)),
              HasSubstr("TLS"));
  EXPECT_THAT(
      ErrorOf(absl::StrCat("rediss://127.0.0.1:", server.port(), "?cafile=", files.ca_cert)),
      HasSubstr("Redis"));
  EXPECT_THAT(ErrorOf(absl::StrCat("redis://127.0.0.1:", server.port())), HasSubstr("Redis"));
  const auto by_name = ReadyClient(At(
      absl::StrCat("rediss://localhost:", server.port(), "?cafile=", files.ca_cert, client_files)));
  EXPECT_EQ(CallAndWait(*by_name, "", {"PING"}, kAmple)->text, "PONG");
}

}  // namespace
}  // namespace quotaplane::redis
