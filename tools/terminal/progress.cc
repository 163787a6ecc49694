#include "tools/terminal/progress.h"

#include <unistd.h>

#include <cstdio>

#include "absl/time/time.h"

namespace quotaplane::terminal {

Progress::Progress(std::function<std::string()> line)
    : line_(std::move(line)), tty_(isatty(STDERR_FILENO) == 1), thread_([this] { Run(); }) {}

Progress::~Progress() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
  if (tty_) std::fputs("\r\x1b[K", stderr);
}

void Progress::Run() {
  const absl::Duration pause = tty_ ? absl::Milliseconds(100) : absl::Seconds(5);
  absl::MutexLock lock(&mutex_);
  while (!mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause)) {
    const std::string line = line_();
    std::fprintf(stderr, tty_ ? "\r\x1b[K%s" : "%s\n", line.c_str());
    std::fflush(stderr);
  }
}

}  // namespace quotaplane::terminal
