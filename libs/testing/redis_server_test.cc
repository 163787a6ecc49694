#include "libs/testing/redis_server.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quotaplane::fixtures {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

// The output of redis-cli over TLS; the only client at hand that can.
std::string RedisCli(const std::string& arguments) {
  FindProgram("redis-cli", "redis-tools");
  std::FILE* pipe = ::popen(("redis-cli " + arguments + " 2>&1").c_str(), "re");
  std::string output;
  char chunk[256];
  while (std::fgets(chunk, sizeof(chunk), pipe) != nullptr) output += chunk;
  ::pclose(pipe);
  return output;
}

TEST(RedisServerTest, ServesOverTcpAndUnixSocket) {
  const RedisServer server;
  EXPECT_EQ(server.Command({"SET", "a", "1"}).text, "OK");
  std::optional<RespClient> tcp = RespClient::ConnectTcp(server.port());
  ASSERT_TRUE(tcp.has_value());
  EXPECT_EQ(tcp->Command({"GET", "a"})->text, "1");
  EXPECT_EQ(server.url(), absl::StrCat("redis://127.0.0.1:", server.port()));
  EXPECT_EQ(server.unix_url(), "unix://" + server.socket_path());
  EXPECT_EQ(server.Info("redis_mode"), "standalone");
}

TEST(RedisServerTest, UnixOnlyListensOnNoPort) {
  const RedisServer server({.tcp = false});
  EXPECT_EQ(server.url(), server.unix_url());
  EXPECT_FALSE(RespClient::ConnectTcp(server.port()).has_value());
  EXPECT_EQ(server.Command({"PING"}).text, "PONG");
}

TEST(RedisServerTest, AppendOnlyDataSurvivesKill) {
  RedisServer server({.append_only = true});
  const int port = server.port();
  for (int i = 0; i < 100; ++i) server.Command({"INCR", "n"});
  server.Kill();
  EXPECT_FALSE(server.running());
  EXPECT_FALSE(server.TryCommand({"PING"}).has_value());
  server.Start();
  EXPECT_EQ(server.port(), port);
  EXPECT_EQ(server.Command({"GET", "n"}).text, "100");
  server.Restart();
  EXPECT_EQ(server.Command({"GET", "n"}).text, "100");
}

TEST(RedisServerTest, WithoutAppendOnlyDataIsGone) {
  RedisServer server;
  server.Command({"SET", "n", "1"});
  server.Restart();
  EXPECT_EQ(server.Command({"EXISTS", "n"}).integer, 0);
}

TEST(RedisServerTest, PausedServerIsSilentUntilResumed) {
  RedisServer server;
  server.Pause();
  EXPECT_FALSE(server.TryCommand({"PING"}, absl::Milliseconds(30)).has_value());
  server.Resume();
  EXPECT_EQ(server.Command({"PING"}).text, "PONG");
}

TEST(RedisServerTest, PasswordAndAclUser) {
  const RedisServer locked({.password = "secret"});
  EXPECT_EQ(locked.Command({"PING"}).text, "PONG");
  EXPECT_EQ(locked.url(), absl::StrCat("redis://:secret@127.0.0.1:", locked.port()));
  std::optional<RespClient> stranger = RespClient::ConnectTcp(locked.port());
  EXPECT_THAT(stranger->Command({"GET", "a"})->text, StartsWith("NOAUTH"));

  const RedisServer server({.users = {{.name = "app", .password = "pw", .rules = "~p* +@all"}}});
  EXPECT_EQ(server.url(), absl::StrCat("redis://app:pw@127.0.0.1:", server.port()));
  std::optional<RespClient> app = RespClient::ConnectTcp(server.port());
  EXPECT_EQ(app->Command({"AUTH", "app", "pw"})->text, "OK");
  EXPECT_EQ(app->Command({"SET", "p1", "x"})->text, "OK");
  EXPECT_THAT(app->Command({"SET", "q1", "x"})->text, StartsWith("NOPERM"));
}

TEST(RedisServerTest, TlsWithClientCertificate) {
  const RedisServer server({.tls = true, .tls_client_auth = true});
  const TlsFiles& tls = server.tls_files();
  EXPECT_EQ(server.url(),
            absl::StrCat("rediss://127.0.0.1:", server.port(), "?cafile=", tls.ca_cert,
                         "&certfile=", tls.client_cert, "&keyfile=", tls.client_key));
  const std::string base =
      absl::StrCat("-h localhost -p ", server.port(), " --tls --cacert ", tls.ca_cert);
  const std::string certificate =
      absl::StrCat(" --cert ", tls.client_cert, " --key ", tls.client_key);
  EXPECT_EQ(RedisCli(base + certificate + " PING"), "PONG\n");
  EXPECT_THAT(RedisCli(base + " PING"), Not(HasSubstr("PONG")));
  // Another authority is not trusted.
  const RedisServer other({.tls = true});
  const std::string wrong = absl::StrCat("-h 127.0.0.1 -p ", other.port(), " --tls --cacert ");
  EXPECT_THAT(RedisCli(absl::StrCat(wrong, tls.ca_cert, " PING")), HasSubstr("certificate"));
  EXPECT_EQ(RedisCli(absl::StrCat(wrong, other.tls_files().ca_cert, " PING")), "PONG\n");
}

TEST(RedisServerTest, WritesOnlyIntoItsOwnDirectory) {
  std::string dir;
  {
    const RedisServer server({.append_only = true, .config = {"maxmemory 50mb"}});
    dir = server.dir();
    EXPECT_EQ(server.Command({"CONFIG", "GET", "dir"}).elements.at(1).text, dir);
    EXPECT_EQ(server.Info("maxmemory"), absl::StrCat(50 << 20));
    EXPECT_TRUE(std::filesystem::exists(dir + "/appendonlydir"));
  }
  EXPECT_FALSE(std::filesystem::exists(dir));
}

TEST(RedisServerDeathTest, BadConfigurationShowsTheLog) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const TempDir dir;  // around what the aborted process leaves behind
  const char* const before = std::getenv("TMPDIR");
  const std::string restored = before == nullptr ? "/tmp" : before;
  ::setenv("TMPDIR", dir.path().c_str(), 1);
  EXPECT_DEATH(RedisServer({.config = {"no-such-directive 1"}}), "Bad directive");
  ::setenv("TMPDIR", restored.c_str(), 1);
}

}  // namespace
}  // namespace quotaplane::fixtures
