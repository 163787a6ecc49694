#include "services/quotaplane/embedded_redis.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(30);
constexpr absl::Duration kStopTimeout = absl::Seconds(10);
constexpr absl::Duration kLockTimeout = absl::Seconds(10);
constexpr absl::Duration kPoll = absl::Milliseconds(10);

std::string FindProgram(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::stringstream folders(path != nullptr ? path : "");
  std::string folder;
  while (std::getline(folders, folder, ':')) {
    std::string candidate = absl::StrCat(folder, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  // Debian's place, which a service's PATH may lack.
  std::string usual = absl::StrCat("/usr/bin/", name);
  return access(usual.c_str(), X_OK) == 0 ? usual : "";
}

// Takes the lock, waiting a little: the child of a killed server may still be writing out.
absl::StatusOr<int> TakeLock(const std::string& dir) {
  const std::string path = dir + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return absl::PermissionDeniedError(absl::StrCat("cannot open ", path, ": ", strerror(errno)));
  }
  const absl::Time end = absl::Now() + kLockTimeout;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (absl::Now() > end) {
      close(fd);
      return absl::FailedPreconditionError(
          absl::StrCat("another quotaplane uses ", dir, ": stop it, or give another --data-dir"));
    }
    absl::SleepFor(kPoll);
  }
  return fd;
}

// Signals that end the server are blocked, since it waits for them when it has started.
bool IsToStop() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EmbeddedRedis>> EmbeddedRedis::Start(const std::string& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) {
    return absl::PermissionDeniedError(absl::StrCat("cannot make ", dir, ": ", error.message()));
  }
  chmod(dir.c_str(), 0700);
  const std::string absolute = std::filesystem::canonical(dir, error).string();
  if (absolute.size() + sizeof("/redis.sock") > sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the data directory's path is too long for a unix socket (", absolute.size(),
                     " bytes): give a shorter --data-dir"));
  }
  const std::string program = FindProgram("redis-server");
  if (program.empty()) {
    return absl::NotFoundError(
        "redis-server is not installed (Debian: apt-get install redis-server); or give --redis "
        "URL");
  }
  absl::StatusOr<int> lock = TakeLock(absolute);
  if (!lock.ok()) return lock.status();
  std::unique_ptr<EmbeddedRedis> redis(new EmbeddedRedis(absolute, program, *lock));
  if (absl::Status status = redis->WriteConfig(); !status.ok()) return status;
  redis->supervisor_ = std::thread([raw = redis.get()] { raw->Supervise(); });
  absl::Time end = absl::Now() + kStartTimeout;
  bool told = false;
  for (State state = redis->Ask(); state != State::kReady; state = redis->Ask()) {
    if (state == State::kLoading) {
      end = absl::Now() + kStartTimeout;
      if (!told) LogInfo("redis-server reads what it kept; it takes calls when it has");
      told = true;
    }
    if (IsToStop()) return absl::CancelledError("told to stop while redis-server started");
    if (absl::Now() > end) {
      return absl::UnavailableError(
          absl::StrCat("redis-server does not start; see ", absolute, "/redis.log"));
    }
    absl::SleepFor(kPoll);
  }
  return redis;
}

EmbeddedRedis::EmbeddedRedis(std::string dir, std::string program, int lock_fd)
    : dir_(std::move(dir)),
      program_(std::move(program)),
      socket_path_(dir_ + "/redis.sock"),
      lock_fd_(lock_fd) {}

EmbeddedRedis::~EmbeddedRedis() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (child_ > 0) kill(child_, SIGTERM);
    const auto gone = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return child_ <= 0; };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&gone), kStopTimeout) && child_ > 0) {
      kill(child_, SIGKILL);
    }
  }
  if (supervisor_.joinable()) supervisor_.join();
  close(lock_fd_);
}

absl::Status EmbeddedRedis::WriteConfig() const {
  const std::string path = dir_ + "/redis.conf";
  std::ofstream out(path, std::ios::trunc);
  out << "# Written at every start.\n"
         "port 0\n"
         "unixsocket "
      << socket_path_
      << "\n"
         "unixsocketperm 700\n"
         "dir "
      << dir_
      << "\n"
         "logfile redis.log\n"
         "daemonize no\n"
         "save \"\"\n"
         // Every command is written before it is answered, so that it survives whoever is killed.
         // `everysec` would not do: while a flush takes long, Redis answers first and writes later;
         // and flushing from outside blocks its writes for as long. A power cut may cost what the
         // kernel has not written yet, half a minute at most.
         "appendonly yes\n"
         "appendfsync no\n"
         // A rewrite takes a core for as long as it runs, and every page written meanwhile twice:
         // less often than the default of 64 MB, which a busy minute fills.
         "auto-aof-rewrite-min-size 512mb\n"
         // A histogram update for every command inside a script, that nobody reads.
         "latency-tracking no\n"
         // Nothing is ever dropped for lack of memory: a full store is an error that is seen.
         "maxmemory-policy noeviction\n";
  out.close();
  return out ? absl::OkStatus() : absl::UnavailableError("cannot write " + path);
}

pid_t EmbeddedRedis::Spawn() const {
  const std::string config = dir_ + "/redis.conf";
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child != 0) return child;
  // Only what is async-signal-safe from here on.
  sigset_t none;  // the parent's threads block the signals that stop it
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  fcntl(lock_fd_, F_SETFD, 0);  // inherited: see the header
  setpgid(0, 0);                // a ^C at the terminal is the parent's to handle
  execl(program_.c_str(), program_.c_str(), config.c_str(), static_cast<char*>(nullptr));
  _exit(127);
}

void EmbeddedRedis::Supervise() {
  absl::Duration pause = absl::Milliseconds(50);
  while (true) {
    const absl::Time started = absl::Now();
    pid_t child;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      child = child_ = Spawn();
    }
    if (child < 0) {
      LogError("cannot start redis-server: {}", strerror(errno));
    } else {
      int status = 0;
      while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
      }
      absl::MutexLock lock(&mutex_);
      child_ = -1;
      if (stopping_) return;
      LogError("redis-server (pid {}) ended unexpectedly, status {}; starting it again", child,
               status);
    }
    pause = absl::Now() - started > absl::Seconds(10) ? absl::Milliseconds(50)
                                                      : std::min(pause * 2, absl::Seconds(5));
    absl::MutexLock lock(&mutex_);
    const auto stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; };
    mutex_.AwaitWithTimeout(absl::Condition(&stopping), pause);
  }
}

EmbeddedRedis::State EmbeddedRedis::Ask() const {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return State::kAway;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
  State state = State::kAway;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    char reply[5];
    if (write(fd, "PING\r\n", 6) == 6 && read(fd, reply, sizeof(reply)) == 5) {
      const std::string_view begin(reply, sizeof(reply));
      if (begin == "+PONG") state = State::kReady;
      if (begin == "-LOAD") state = State::kLoading;  // -LOADING …
    }
  }
  close(fd);
  return state;
}

}  // namespace quotaplane
