#include "libs/testing/redis_server.h"

#include <csignal>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/testing/fatal.h"

namespace quotaplane::fixtures {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(30);

}  // namespace

RedisServer::RedisServer(RedisOptions options) : options_(std::move(options)) {
  if (options_.tls) tls_ = options_.tls_files ? *options_.tls_files : MakeTlsFiles(dir_.path());
  // A stranger who holds no lease may take the port between the trial bind and the server's.
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    WriteConfig();
    if (TryStart()) return;
    if (attempt == kAttempts || !absl::StrContains(LogTail(), "Address already in use")) {
      Fatal("redis-server does not start; its log ends:\n" + LogTail());
    }
    port_ = FreePort();
  }
}

RedisServer::~RedisServer() = default;

void RedisServer::WriteConfig() const {
  std::ofstream file(dir_.File("redis.conf"));
  file << "daemonize no\n"
       << "dir " << dir_.path() << "\n"
       << "unixsocket " << socket_path() << "\n"
       << "unixsocketperm 700\n"
       << "bind 127.0.0.1\n"
       << "save \"\"\n"
       << "repl-diskless-sync-delay 0\n"
       << "enable-debug-command local\n"
       << "appendonly " << (options_.append_only ? "yes" : "no") << "\n";
  file << "port " << (options_.tcp && !options_.tls ? port() : 0) << "\n";
  if (options_.tls) {
    file << "tls-port " << port() << "\n"
         << "tls-replication yes\n"
         << "tls-ca-cert-file " << tls_.ca_cert << "\n"
         << "tls-cert-file " << tls_.server_cert << "\n"
         << "tls-key-file " << tls_.server_key << "\n"
         << "tls-auth-clients " << (options_.tls_client_auth ? "yes" : "no") << "\n";
  }
  if (!options_.password.empty()) {
    file << "requirepass " << options_.password << "\n"
         << "masterauth " << options_.password << "\n";
  }
  for (const RedisAclUser& user : options_.users) {
    file << "user " << user.name << " on >" << user.password << " " << user.rules << "\n";
  }
  for (const std::string& line : options_.config) file << line << "\n";
  file.close();
  if (!file) FatalErrno("cannot write " + dir_.File("redis.conf"));
}

bool RedisServer::TryStart() {
  std::vector<std::string> argv = {"redis-server", dir_.File("redis.conf")};
  if (options_.sentinel) argv.emplace_back("--sentinel");
  process_ = std::make_unique<ChildProcess>(ProcessOptions{.argv = std::move(argv),
                                                           .env = {},
                                                           .working_dir = dir_.path(),
                                                           .log_path = dir_.File("redis.log"),
                                                           .package = "redis-server"});
  bool serves = false;
  PollUntil(kStartTimeout, [&] {
    const std::optional<RespReply> pong = TryCommand({"PING"});
    serves = pong && pong->text == "PONG";
    return serves || !process_->running();
  });
  return serves;
}

void RedisServer::Start() {
  if (running()) Fatal("redis-server is running already");
  if (!TryStart()) Fatal("redis-server does not start again; its log ends:\n" + LogTail());
}

void RedisServer::Stop() { process_->Stop(SIGTERM); }

void RedisServer::Kill() { process_->Stop(SIGKILL); }

void RedisServer::Pause() { process_->Signal(SIGSTOP); }

void RedisServer::Resume() { process_->Signal(SIGCONT); }

std::string RedisServer::LogTail() const { return process_->LogTail(); }

std::string RedisServer::Credentials() const {
  if (!options_.users.empty()) {
    return absl::StrCat(options_.users[0].name, ":", options_.users[0].password, "@");
  }
  return options_.password.empty() ? "" : absl::StrCat(":", options_.password, "@");
}

std::string RedisServer::url() const { return options_.tcp ? tcp_url() : unix_url(); }

std::string RedisServer::unix_url() const { return "unix://" + Credentials() + socket_path(); }

std::string RedisServer::TcpUrl(int port) const {
  if (!options_.tls) return absl::StrCat("redis://", Credentials(), "127.0.0.1:", port);
  std::string url =
      absl::StrCat("rediss://", Credentials(), "127.0.0.1:", port, "?cafile=", tls_.ca_cert);
  if (options_.tls_client_auth) {
    absl::StrAppend(&url, "&certfile=", tls_.client_cert, "&keyfile=", tls_.client_key);
  }
  return url;
}

std::optional<RespReply> RedisServer::TryCommand(const std::vector<std::string>& args,
                                                 absl::Duration timeout) const {
  std::optional<RespClient> client = RespClient::ConnectUnix(socket_path(), timeout);
  if (!client) return std::nullopt;
  if (!options_.password.empty()) {
    std::optional<RespReply> reply = client->Command({"AUTH", options_.password});
    if (!reply || reply->is_error()) return reply;
  }
  return client->Command(args);
}

RespReply RedisServer::Command(const std::vector<std::string>& args) const {
  std::optional<RespReply> reply = TryCommand(args, absl::Seconds(10));
  if (!reply) Fatal(absl::StrCat("redis-server does not answer ", args.at(0)));
  return *std::move(reply);
}

std::string RedisServer::Info(std::string_view field) const {
  return InfoField(Command({"INFO", "everything"}).text, field);
}

}  // namespace quotaplane::fixtures
