// The embedded default: a private redis-server child on a unix socket, with an append-only file
// under the data directory.
//
// - One process owns the directory: a lock file, whose descriptor the child inherits, so that the
//   lock outlives a killed parent for as long as its child still runs.
// - The child ends with its parent (PDEATHSIG), also when that is killed; Redis then writes out
//   what it has and goes.
// - A child that dies is started again, with growing pauses; its AOF brings everything back.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace quotaplane {

class EmbeddedRedis {
 public:
  // Starts redis-server in DIR (made where missing, mode 0700) and waits until it has read what it
  // kept, however long that is, and answers.
  // FAILED_PRECONDITION if another process uses DIR, NOT_FOUND if redis-server is not installed,
  // INVALID_ARGUMENT if the path is too long for a socket, CANCELLED if SIGTERM or SIGINT is
  // pending.
  static absl::StatusOr<std::unique_ptr<EmbeddedRedis>> Start(const std::string& dir);
  // SIGTERM; waits for the end (10 s, then SIGKILL).
  ~EmbeddedRedis();

  // unix://DIR/redis.sock
  std::string url() const { return "unix://" + socket_path_; }

 private:
  EmbeddedRedis(std::string dir, std::string program, int lock_fd);
  absl::Status WriteConfig() const;
  // Starts the child and waits for it, again and again, until told to stop.
  void Supervise();
  pid_t Spawn() const;
  enum class State { kAway, kLoading, kReady };
  State Ask() const;

  const std::string dir_;
  const std::string program_;
  const std::string socket_path_;
  const int lock_fd_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  pid_t child_ ABSL_GUARDED_BY(mutex_) = -1;
  std::thread supervisor_;
};

}  // namespace quotaplane
