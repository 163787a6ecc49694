#include "libs/testing/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <optional>
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

TEST(ChildProcessDeathTest, DiesWithTheTestProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  // The death test runs this body anew in a process of its own, which inherits the path.
  constexpr char kVariable[] = "QP_PROCESS_TEST_PID_FILE";
  std::optional<TempDir> dir;
  if (std::getenv(kVariable) == nullptr) {
    ::setenv(kVariable, dir.emplace().File("pid").c_str(), 1);
  }
  const std::string pid_file = std::getenv(kVariable);
  EXPECT_EXIT(
      {
        const ChildProcess child({.argv = {"sleep", "1000"}, .package = "coreutils"});
        std::ofstream(pid_file) << child.pid();
        ::kill(::getpid(), SIGKILL);
      },
      ::testing::KilledBySignal(SIGKILL), "");
  ::unsetenv(kVariable);
  pid_t child = 0;
  ASSERT_TRUE(std::ifstream(pid_file) >> child);
  pollfd end = {static_cast<int>(::syscall(SYS_pidfd_open, child, 0)), POLLIN, 0};
  if (end.fd < 0) {
    EXPECT_EQ(errno, ESRCH);  // it is gone already
    return;
  }
  EXPECT_EQ(::poll(&end, 1, 20'000), 1) << "the child outlives the test";
  ::close(end.fd);
}

TEST(ChildProcessDeathTest, MissingProgramNamesItsPackage) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(ChildProcess({.argv = {"no-such-program"}, .package = "some-package"}),
               "no-such-program not found: install the package some-package");
}

}  // namespace
}  // namespace quotaplane::fixtures
