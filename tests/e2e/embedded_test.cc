// The embedded default: a redis-server of the server's own, which comes and goes with it, and loses
// nothing.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/resp_client.h"
#include "tests/e2e/many_threads.h"
#include "tests/e2e/quota_client.h"
#include "tests/e2e/server_process.h"
#include "tests/faults/load.h"

namespace quotaplane::fixtures {
namespace {

pid_t RedisOf(const ServerProcess& server) {
  auto client = RespClient::ConnectUnix(server.data_dir() + "/redis/redis.sock");
  if (!client) return -1;
  const std::optional<RespReply> info = client->Command({"INFO", "server"});
  int pid = -1;
  if (!info || !absl::SimpleAtoi(InfoField(info->text, "process_id"), &pid)) return -1;
  return pid;
}

// Also where it is dead and nobody has taken note yet.
bool Gone(pid_t pid) {
  std::ifstream stat(absl::StrCat("/proc/", pid, "/stat"));
  std::string line;
  if (!std::getline(stat, line)) return true;
  return absl::StartsWith(line.substr(line.rfind(')') + 1), " Z");
}

TEST(Embedded, RedisGoesWithAKilledServerAndARestartHasEverything) {
  ServerProcess server({.policy = kLoadPolicy});
  Load load({server.address()}, {.server_goes_away = true, .seed = TestSeed(41)});
  for (int i = 0; i < 3; ++i) {
    load.WaitForMore(&LoadCounts::pairs);
    const pid_t redis = RedisOf(server);
    ASSERT_GT(redis, 0);
    ASSERT_FALSE(Gone(redis));
    server.Kill();
    EXPECT_TRUE(PollUntil(absl::Seconds(10), [&] { return Gone(redis); }));
    server.Start();
  }
  load.WaitForMore(&LoadCounts::pairs);
  load.Settle();
  load.ExpectBooksBalance();
}

TEST(Embedded, AKilledRedisIsStartedAgain) {
  ServerProcess server({.policy = kLoadPolicy});
  Load load({server.address()}, {.seed = TestSeed(42)});
  load.WaitForMore(&LoadCounts::pairs);
  const pid_t redis = RedisOf(server);
  ASSERT_GT(redis, 0);
  ASSERT_EQ(kill(redis, SIGKILL), 0);
  load.WaitForMore(&LoadCounts::spooled, 1);
  load.WaitForMore(&LoadCounts::pairs);
  EXPECT_NE(RedisOf(server), redis);
  load.Settle();
  load.ExpectBooksBalance();
}

TEST(Embedded, ASecondServerOnTheSameDataIsToldSo) {
  ServerProcess server({.policy = kLoadPolicy});
  TempDir dir;
  ChildProcess rival(server.Rival(dir.File("log")));
  const std::optional<ExitStatus> exit = rival.Wait(absl::Seconds(30));
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->code, 1);
  EXPECT_TRUE(absl::StrContains(rival.LogTail(),
                                absl::StrCat("another quotaplane uses ", server.data_dir())))
      << rival.LogTail();
  // The first one has not been disturbed.
  const QuotaClient client(server.address());
  EXPECT_TRUE(client.Call(ReserveOf("r", SubjectOf("strict-1"), {1, 1})).ok());
}

TEST(Embedded, ServersWithOneRedisDoNotShareADataDirectoryEither) {
  RedisServer redis;
  ServerProcess server({.policy = kLoadPolicy, .redis = redis.url()});
  TempDir dir;
  ChildProcess rival(server.Rival(dir.File("log")));
  const std::optional<ExitStatus> exit = rival.Wait(absl::Seconds(30));
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->code, 1);
  EXPECT_TRUE(absl::StrContains(rival.LogTail(), server.data_dir())) << rival.LogTail();
}

}  // namespace
}  // namespace quotaplane::fixtures
