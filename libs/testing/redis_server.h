// A real redis-server of the test's own: a temp directory, a leased port, stopped by pid.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "libs/testing/free_port.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/process.h"
#include "libs/testing/resp_client.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/tls_certificates.h"

namespace quotaplane::fixtures {

struct RedisAclUser {
  std::string name;
  std::string password;
  std::string rules = "~* &* +@all";
};

struct RedisOptions {
  bool tcp = true;               // listens on 127.0.0.1:port(); the unix socket is always there
  bool tls = false;              // the TCP port speaks TLS (only)
  bool tls_client_auth = false;  // and asks for the client's certificate
  std::optional<TlsFiles> tls_files = {};  // made anew where not given
  bool sentinel = false;                   // runs as a sentinel
  bool append_only = false;                // AOF: what was answered survives Kill()
  std::string password = {};               // requirepass: of the default user
  std::vector<RedisAclUser> users = {};
  std::vector<std::string> config = {};  // more lines of redis.conf; later lines win
};

// Made means running: the constructor returns when PING is answered. Every failure aborts with the
// server's log. Not thread-safe, except that Command may run beside anything that does not stop the
// server.
class RedisServer {
 public:
  explicit RedisServer(RedisOptions options = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void Stop();   // SIGTERM; waits for the end
  void Kill();   // SIGKILL; waits for the end
  void Start();  // same directory, port and data; waits until it serves (AOF loaded)
  void Restart() {
    Stop();
    Start();
  }
  void Pause();   // SIGSTOP: connections stay open, nothing is answered
  void Resume();  // SIGCONT
  bool running() { return process_ && process_->running(); }

  // In the syntax of libs/redis/client.h, with the first ACL user or the password, and the TLS
  // files. TCP where enabled, else unix.
  std::string url() const;
  std::string unix_url() const;
  std::string tcp_url() const { return TcpUrl(port()); }
  // tcp_url() through another port: a TcpGate's.
  std::string TcpUrl(int port) const;

  int port() const { return port_.port(); }
  std::string socket_path() const { return dir_.File("r.sock"); }
  const TlsFiles& tls_files() const { return tls_; }
  const std::string& dir() const { return dir_.path(); }
  pid_t pid() const { return process_->pid(); }
  std::string LogTail() const;

  // Over a new connection to the unix socket (so WAIT or MULTI, which belong to one, need a
  // RespClient), as the default user. Error replies come back as such; a broken connection aborts.
  RespReply Command(const std::vector<std::string>& args) const;
  // The field of INFO everything: Info("used_memory"). Empty where there is none.
  std::string Info(std::string_view field) const;
  // As Command; nullopt where the connection could not be made, broke, or took longer than
  // `timeout`.
  std::optional<RespReply> TryCommand(const std::vector<std::string>& args,
                                      absl::Duration timeout = absl::Seconds(2)) const;
  // TryCommand, waiting up to `timeout` until `done` likes the reply; false if it never did. Broken
  // connections count as "not yet".
  template <typename Predicate>
  bool WaitFor(const std::vector<std::string>& args, Predicate done, absl::Duration timeout) const {
    return fixtures::PollUntil(timeout, [&] {
      std::optional<RespReply> reply = TryCommand(args);
      return reply.has_value() && done(*reply);
    });
  }

 private:
  void WriteConfig() const;

  bool TryStart();
  std::string Credentials() const;

  RedisOptions options_;
  TempDir dir_;
  FreePort port_;
  TlsFiles tls_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace quotaplane::fixtures
