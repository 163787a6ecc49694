#include "libs/testing/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <mutex>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "libs/testing/fatal.h"

extern char** environ;

namespace quotaplane::fixtures {
namespace {

// PR_SET_PDEATHSIG fires when the *thread* that forked ends, not the process. So all forking is
// done by one thread which never ends.
class ForkingThread {
 public:
  static ForkingThread& Get() {
    static std::mutex mutex;
    static ForkingThread* thread = nullptr;
    static pid_t owner = -1;
    std::lock_guard lock(mutex);
    if (owner != ::getpid()) {  // threads do not come along into a fork of the test
      thread = new ForkingThread;
      owner = ::getpid();
    }
    return *thread;
  }

  pid_t Run(const std::function<pid_t()>& fork_it) {
    std::lock_guard one_caller(callers_);
    std::unique_lock lock(mutex_);
    job_ = &fork_it;
    changed_.notify_all();
    changed_.wait(lock, [&] { return job_ == nullptr; });
    return result_;
  }

 private:
  ForkingThread() {
    std::thread([this] { Loop(); }).detach();
  }

  void Loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return job_ != nullptr; });
      result_ = (*job_)();
      job_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex callers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<pid_t()>* job_ = nullptr;
  pid_t result_ = -1;
};

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(
    const std::vector<std::pair<std::string, std::string>>& additions) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    const bool replaced = std::any_of(additions.begin(), additions.end(), [&](const auto& a) {
      return line.substr(0, line.find('=')) == a.first;
    });
    if (!replaced) result.emplace_back(line);
  }
  for (const auto& [name, value] : additions) result.push_back(absl::StrCat(name, "=", value));
  return result;
}

// What the child needs, made before the fork: afterwards only async-signal-safe calls are allowed.
struct Exec {
  std::string program;
  std::vector<char*> argv;
  std::vector<char*> env;
  std::string working_dir;
  int log_fd = -1;
  int error_pipe = -1;
  pid_t parent = -1;
};

[[noreturn]] void FailChild(const Exec& exec) {
  const int error = errno;
  [[maybe_unused]] const ssize_t n = ::write(exec.error_pipe, &error, sizeof(error));
  ::_exit(127);
}

[[noreturn]] void RunChild(const Exec& exec) {
  ::setpgid(0, 0);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) FailChild(exec);
  if (::getppid() != exec.parent) ::_exit(127);  // the parent died before prctl
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (exec.log_fd >= 0 &&
      (::dup2(exec.log_fd, STDOUT_FILENO) < 0 || ::dup2(exec.log_fd, STDERR_FILENO) < 0)) {
    FailChild(exec);
  }
  if (!exec.working_dir.empty() && ::chdir(exec.working_dir.c_str()) != 0) FailChild(exec);
  ::execve(exec.program.c_str(), exec.argv.data(), exec.env.data());
  FailChild(exec);
}

ExitStatus Decode(const siginfo_t& info) {
  ExitStatus result;
  if (info.si_code == CLD_EXITED) {
    result.code = info.si_status;
  } else {
    result.signal = info.si_status;
  }
  return result;
}

}  // namespace

std::string FindProgram(const std::string& program, const std::string& package) {
  if (program.find('/') != std::string::npos) {
    if (::access(program.c_str(), X_OK) != 0) FatalErrno(absl::StrCat("cannot execute ", program));
    return program;
  }
  const char* path = std::getenv("PATH");
  for (const absl::string_view dir : absl::StrSplit(path == nullptr ? "/usr/bin" : path, ':')) {
    std::string candidate = absl::StrCat(dir, "/", program);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  Fatal(absl::StrCat(program, " not found: install the package ",
                     package.empty() ? program : package));
}

ChildProcess::ChildProcess(const ProcessOptions& options)
    : name_(options.argv.at(0)), log_path_(options.log_path) {
  std::vector<std::string> argv = options.argv;
  std::vector<std::string> env = Environment(options.env);
  Exec exec;
  exec.program = FindProgram(name_, options.package);
  exec.argv = Pointers(argv);
  exec.env = Pointers(env);
  exec.working_dir = options.working_dir;
  exec.parent = ::getpid();
  if (!log_path_.empty()) {
    exec.log_fd = ::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (exec.log_fd < 0) FatalErrno("cannot open the log " + log_path_);
  }
  int error_pipe[2];
  if (::pipe2(error_pipe, O_CLOEXEC) != 0) FatalErrno("pipe2");
  exec.error_pipe = error_pipe[1];

  pid_ = ForkingThread::Get().Run([&exec]() -> pid_t {
    const pid_t pid = ::fork();
    if (pid == 0) RunChild(exec);
    return pid;
  });
  if (pid_ < 0) FatalErrno("fork");
  ::close(error_pipe[1]);
  if (exec.log_fd >= 0) ::close(exec.log_fd);
  int error = 0;
  const ssize_t n = ::read(error_pipe[0], &error, sizeof(error));  // ends when exec closes the pipe
  ::close(error_pipe[0]);
  if (n > 0) {
    errno = error;
    FatalErrno("cannot execute " + exec.program);
  }
  pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd_ < 0) FatalErrno("pidfd_open");
}

// The process is reaped here and not before, so that its id, and its group's, cannot mean anybody
// else meanwhile.
ChildProcess::~ChildProcess() {
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
  siginfo_t info = {};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_), &info, WEXITED) != 0 && errno == EINTR) {
  }
  ::close(pidfd_);
}

void ChildProcess::Signal(int signal) {
  if (!exit_) ::kill(pid_, signal);
}

std::optional<ExitStatus> ChildProcess::Wait(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!exit_) {
    const absl::Duration left =
        std::clamp(deadline - absl::Now(), absl::ZeroDuration(), absl::Hours(1));
    pollfd poll_fd = {pidfd_, POLLIN, 0};
    const auto timeout_ms = absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)));
    const int ready = ::poll(&poll_fd, 1, static_cast<int>(timeout_ms));
    if (ready < 0 && errno != EINTR) FatalErrno("poll");
    if (ready == 0) return std::nullopt;
    siginfo_t info = {};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_), &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
        info.si_pid == pid_) {
      exit_ = Decode(info);
    }
  }
  return exit_;
}

ExitStatus ChildProcess::Stop(int signal, absl::Duration timeout) {
  Signal(signal);
  const std::optional<ExitStatus> exit = Wait(timeout);
  if (!exit) {
    Fatal(absl::StrCat(name_, " did not end within ", absl::FormatDuration(timeout), " of ",
                       ::strsignal(signal), "; its log ends:\n", LogTail()));
  }
  return *exit;
}

std::string ChildProcess::LogTail(size_t max_bytes) const {
  std::ifstream file(log_path_, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  std::string log = std::move(text).str();
  if (log.size() > max_bytes) log.erase(0, log.size() - max_bytes);
  return log;
}

}  // namespace quotaplane::fixtures
