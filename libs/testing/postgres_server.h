// A real PostgreSQL of the test's own: a temp directory, a unix socket, stopped by pid.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/testing/free_port.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::fixtures {

struct PostgresOptions {
  bool tcp = false;           // listens on 127.0.0.1:port() too; the unix socket is always there
  bool fsync = false;         // on: what it costs in production (benchmarks, power-cut promises)
  std::string password = {};  // of the user `postgres`; empty: everybody is trusted
  std::vector<std::string> config = {};  // more lines of postgresql.conf; later lines win
};

// Made means running: the constructor returns when the server takes connections. Every failure
// aborts with the server's log. The cluster is a copy of one that initdb made once per build tree
// and version, so that a start takes a fraction of a second. PostgreSQL refuses to run as root:
// there it runs as the user `postgres`, which the package makes. Not thread-safe, except that
// nothing here is touched by what clients do.
class PostgresServer {
 public:
  explicit PostgresServer(PostgresOptions options = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  void Stop();  // fast shutdown: open transactions are rolled back, clients told; waits for the end
  void Kill();  // SIGKILL to the postmaster and every child of it; waits for the end
  void Start();  // same directory, port and data; waits until it serves (recovery done)
  void Restart() {
    Stop();
    Start();
  }
  void Pause();   // SIGSTOP to the postmaster and its children: connections stay, nothing answers
  void Resume();  // SIGCONT to those
  bool running() { return process_ && process_->running(); }

  // postgres://, over the unix socket, as the superuser `postgres`, with the password if any.
  std::string url(std::string_view database = "postgres") const;
  // Through 127.0.0.1 and `port`: port(), or that of a TcpGate. Needs `tcp`.
  std::string TcpUrl(int port, std::string_view database = "postgres") const;

  int port() const { return port_.port(); }
  const std::string& dir() const { return dir_.path(); }
  pid_t pid() const { return process_->pid(); }
  std::string LogTail() const { return process_->LogTail(); }

 private:
  void WriteConfig() const;
  bool TryStart();
  bool Serves() const;
  void StopPostmaster();
  std::string Credentials() const;
  // The postmaster's children, which are in process groups of their own.
  std::vector<pid_t> Children() const;

  PostgresOptions options_;
  TempDir dir_;
  FreePort port_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace quotaplane::fixtures
