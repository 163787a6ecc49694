#include "libs/testing/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::fixtures {
namespace {

constexpr absl::Duration kLong = absl::Seconds(20);

ProcessOptions Shell(const std::string& script, const TempDir& dir) {
  return {.argv = {"sh", "-c", script},
          .env = {{"GREETING", "hello"}},
          .working_dir = dir.path(),
          .log_path = dir.File("log"),
          .package = "dash"};
}

bool Exists(pid_t pid) { return ::kill(pid, 0) == 0; }

TEST(ChildProcessTest, RunsWithEnvironmentDirectoryAndLog) {
  const TempDir dir;
  ChildProcess child(Shell("echo $GREETING; pwd >&2; exit 7", dir));
  const std::optional<ExitStatus> exit = child.Wait(kLong);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->code, 7);
  EXPECT_EQ(exit->signal, 0);
  EXPECT_FALSE(child.running());
  EXPECT_EQ(child.LogTail(), "hello\n" + dir.path() + "\n");
  EXPECT_EQ(child.LogTail(3), dir.path().substr(dir.path().size() - 2) + "\n");
}

TEST(ChildProcessTest, WaitGivesUpAndSignalsArrive) {
  const TempDir dir;
  ChildProcess child(Shell("exec sleep 1000", dir));
  EXPECT_FALSE(child.Wait(absl::Milliseconds(5)).has_value());
  EXPECT_TRUE(child.running());
  child.Signal(SIGSTOP);
  EXPECT_TRUE(child.running());
  child.Signal(SIGCONT);
  EXPECT_EQ(child.Stop(SIGTERM).signal, SIGTERM);
}

TEST(ChildProcessTest, DestructorEndsTheWholeGroup) {
  const TempDir dir;
  pid_t grandchild = 0;
  {
    const ChildProcess child(Shell("sleep 1000 & echo $!; wait", dir));
    ASSERT_TRUE(PollUntil(kLong, [&] {
      return absl::SimpleAtoi(absl::StripSuffix(child.LogTail(), "\n"), &grandchild);
    }));
    EXPECT_TRUE(Exists(grandchild));
  }
  // Orphaned and killed; whoever adopts orphans here reaps it in its own time.
  const std::string stat = "/proc/" + std::to_string(grandchild) + "/stat";
  EXPECT_TRUE(PollUntil(kLong, [&] {
    std::FILE* file = std::fopen(stat.c_str(), "re");
    if (file == nullptr) return true;
    char state = '?';
    const int fields = std::fscanf(file, "%*d %*s %c", &state);
    std::fclose(file);
    return fields != 1 || state == 'Z';
  }));
}

TEST(ChildProcessTest, OutlivesTheThreadThatStartedIt) {
  const TempDir dir;
  std::optional<ChildProcess> child;
  std::thread([&] { child.emplace(Shell("exec sleep 1000", dir)); }).join();
  EXPECT_FALSE(child->Wait(absl::Milliseconds(50)).has_value());
}

TEST(ChildProcessTest, DiesWithTheTestProcess) {
  const TempDir dir;
  int pids[2];
  ASSERT_EQ(::pipe(pids), 0);
  const pid_t tester = ::fork();
  ASSERT_GE(tester, 0);
  if (tester == 0) {
    // The pipe is not closed by exec: it ends when this process and its child are both dead.
    const ChildProcess child(Shell("exec sleep 1000", dir));
    const pid_t pid = child.pid();
    if (::write(pids[1], &pid, sizeof(pid)) != sizeof(pid)) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  ::close(pids[1]);
  pid_t grandchild = 0;
  ASSERT_EQ(::read(pids[0], &grandchild, sizeof(grandchild)),
            static_cast<ssize_t>(sizeof(grandchild)));
  int status = 0;
  ASSERT_EQ(::waitpid(tester, &status, 0), tester);
  pollfd end = {pids[0], POLLIN, 0};
  ASSERT_EQ(::poll(&end, 1, 20'000), 1) << "the child still holds the pipe";
  char byte;
  EXPECT_EQ(::read(pids[0], &byte, 1), 0);
  ::close(pids[0]);
}

TEST(ChildProcessDeathTest, MissingProgramNamesItsPackage) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(ChildProcess({.argv = {"no-such-program"}, .package = "some-package"}),
               "no-such-program not found: install the package some-package");
}

}  // namespace
}  // namespace quotaplane::fixtures
