#include "tools/terminal/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "absl/synchronization/notification.h"

namespace quotaplane::terminal {
namespace {

// Puts `fd` in place of stderr while it lives.
class StderrTo {
 public:
  explicit StderrTo(int fd) : saved_(dup(STDERR_FILENO)) { dup2(fd, STDERR_FILENO); }
  ~StderrTo() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
  }

 private:
  int saved_;
};

TEST(Progress, OnATerminalOneLineRewritesItselfAndIsClearedAtTheEnd) {
  const int ours = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(ours, 0);
  ASSERT_EQ(grantpt(ours), 0);
  ASSERT_EQ(unlockpt(ours), 0);
  const int theirs = open(ptsname(ours), O_RDWR | O_NOCTTY);
  ASSERT_GE(theirs, 0);
  {
    const StderrTo to_terminal(theirs);
    absl::Notification second_line;
    int lines = 0;
    const Progress progress([&] {
      if (++lines == 2) second_line.Notify();
      return std::string("at work");
    });
    second_line.WaitForNotification();
  }
  // Nobody writes any more: what was written can be read, and then comes an error.
  close(theirs);
  std::string shown;
  char text[256];
  ssize_t length;
  while ((length = read(ours, text, sizeof text)) > 0) {
    shown.append(text, static_cast<size_t>(length));
  }
  EXPECT_THAT(shown, testing::StartsWith("\r\x1b[Kat work"));
  EXPECT_THAT(shown, testing::EndsWith("\r\x1b[K"));
  close(ours);
}

TEST(Progress, AShortWorkLeavesNothingInAFile) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  {
    const StderrTo to_pipe(fds[1]);
    const Progress progress([] { return std::string("at work"); });
  }
  close(fds[1]);
  char text[16];
  EXPECT_EQ(read(fds[0], text, sizeof text), 0);
  close(fds[0]);
}

}  // namespace
}  // namespace quotaplane::terminal
