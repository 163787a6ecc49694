// A real program as a child of the test: started, signalled, waited for; never left behind.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace quotaplane::fixtures {

struct ProcessOptions {
  std::vector<std::string> argv = {};  // argv[0] is looked up in PATH unless it has a slash
  // On top of the test's own environment.
  std::vector<std::pair<std::string, std::string>> env = {};
  std::string working_dir = {};  // empty: the test's
  std::string log_path = {};     // stdout and stderr are appended to it; empty: the test's own
  // The package that carries argv[0], named when it is missing:
  // "redis-server not found: install the package redis-server".
  std::string package = {};
};

struct ExitStatus {
  int code = -1;   // of exit(); -1 where a signal ended it
  int signal = 0;  // that ended it, or 0
};

// Starts the program in a process group of its own. The kernel kills it (PR_SET_PDEATHSIG) when the
// test process dies, even by SIGKILL; the destructor kills the whole group. Aborts where the
// program is missing or cannot be executed. Not thread-safe, but may be made and used on any
// thread, one at a time: the child does not hang on the life of the thread.
class ChildProcess {
 public:
  explicit ChildProcess(const ProcessOptions& options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // Sends `signal` (SIGTERM, SIGKILL, SIGSTOP, SIGCONT, …) to the process itself. Nothing happens
  // once it has been waited for.
  void Signal(int signal);
  // How it ended; nullopt if it still runs after `timeout`. Woken by the kernel (pidfd), not by
  // polling. May be repeated.
  std::optional<ExitStatus> Wait(absl::Duration timeout);
  bool running() { return !Wait(absl::ZeroDuration()).has_value(); }
  // Sends `signal` and waits; a process that takes longer than `timeout` aborts the test with the
  // end of its log.
  ExitStatus Stop(int signal, absl::Duration timeout = absl::Seconds(20));
  // The last `max_bytes` of the log.
  std::string LogTail(size_t max_bytes = 4096) const;

 private:
  std::string name_;
  std::string log_path_;
  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<ExitStatus> exit_;
};

// Where `program` is in PATH; aborts naming `package` where it is not.
std::string FindProgram(const std::string& program, const std::string& package);

}  // namespace quotaplane::fixtures
