#include "libs/testing/postgres_server.h"

#include <csignal>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/testing/postgres_template.h"

namespace quotaplane::fixtures {
namespace {

using ::testing::HasSubstr;

// What psql prints for `sql`, or its error.
std::string Psql(const std::string& url, const std::string& sql) {
  const TempDir dir;
  ChildProcess psql(ProcessOptions{.argv = {PostgresProgram("psql"), "-XAtq", "-d", url, "-c", sql},
                                   .env = {{"PGCONNECT_TIMEOUT", "2"}},
                                   .working_dir = {},
                                   .log_path = dir.File("log"),
                                   .package = "postgresql-client-15"});
  if (!psql.Wait(absl::Seconds(20))) return "no answer";
  return psql.LogTail();
}

TEST(PostgresServerTest, ServesOnItsSocketOnly) {
  const PostgresServer server;
  EXPECT_EQ(Psql(server.url(), "select 1 + 1"), "2\n");
  EXPECT_EQ(Psql(server.url(), "show listen_addresses"), "\n");
  EXPECT_THAT(Psql(server.TcpUrl(server.port()), "select 1"), HasSubstr("refused"));
}

TEST(PostgresServerTest, ServesOverTcpWhereAsked) {
  const PostgresServer server({.tcp = true});
  EXPECT_EQ(Psql(server.TcpUrl(server.port()), "select 1 + 1"), "2\n");
}

TEST(PostgresServerTest, CommittedDataSurvivesKillAndRestart) {
  PostgresServer server;
  Psql(server.url(), "create table t (n int); insert into t values (1), (2)");
  server.Kill();
  EXPECT_FALSE(server.running());
  EXPECT_THAT(Psql(server.url(), "select 1"), HasSubstr("refused"));
  server.Start();
  EXPECT_EQ(Psql(server.url(), "select sum(n) from t"), "3\n");
  server.Restart();
  EXPECT_EQ(Psql(server.url(), "select sum(n) from t"), "3\n");
}

TEST(PostgresServerTest, PausedServerIsSilentUntilResumed) {
  PostgresServer server;
  server.Pause();
  EXPECT_THAT(Psql(server.url(), "select 1"), HasSubstr("timeout expired"));
  server.Resume();
  EXPECT_EQ(Psql(server.url(), "select 1"), "1\n");
}

TEST(PostgresServerTest, PasswordIsAskedFor) {
  const PostgresServer server({.password = "s3cret"});
  EXPECT_EQ(Psql(server.url(), "select 1"), "1\n");
  std::string wrong = server.url();
  wrong.replace(wrong.find("s3cret"), 6, "guess!");
  EXPECT_THAT(Psql(wrong, "select 1"), HasSubstr("password authentication failed"));
}

TEST(PostgresServerTest, LeavesNothingBehind) {
  std::string dir;
  pid_t pid = 0;
  {
    const PostgresServer server({.config = {"work_mem = '5MB'"}});
    EXPECT_EQ(Psql(server.url(), "show work_mem"), "5MB\n");
    dir = server.dir();
    pid = server.pid();
  }
  EXPECT_FALSE(std::filesystem::exists(dir));
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(PostgresServerDeathTest, BadConfigurationShowsTheLog) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const TempDir dir;  // around what the aborted process leaves behind
  std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
  const char* const before = std::getenv("TMPDIR");
  const std::string restored = before == nullptr ? "/tmp" : before;
  ::setenv("TMPDIR", dir.path().c_str(), 1);
  EXPECT_DEATH(PostgresServer({.config = {"no_such_setting = 1"}}), "no_such_setting");
  ::setenv("TMPDIR", restored.c_str(), 1);
}

}  // namespace
}  // namespace quotaplane::fixtures
