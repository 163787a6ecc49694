#include "libs/testing/postgres_server.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "libs/testing/fatal.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/postgres_template.h"

namespace quotaplane::fixtures {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(60);

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

struct ProcessState {
  char state = 0;  // as in ps: 'T' stopped, 'Z' ended and not waited for; 0: gone
  pid_t parent = 0;
};

ProcessState StateOf(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');  // the name may contain anything
  if (name_end == std::string::npos || name_end + 4 > line.size()) return {};
  return {.state = line[name_end + 2],
          .parent = static_cast<pid_t>(std::strtol(line.c_str() + name_end + 4, nullptr, 10))};
}

}  // namespace

PostgresServer::PostgresServer(PostgresOptions options) : options_(std::move(options)) {
  GiveToPostgresUser(dir_.path());
  MakeCluster(dir_.File("data"));
  WriteConfig();
  if (!TryStart()) Fatal("postgres does not start; its log ends:\n" + LogTail());
}

PostgresServer::~PostgresServer() {
  if (running()) Kill();
}

void PostgresServer::WriteConfig() const {
  std::ofstream file(dir_.File("data/postgresql.conf"), std::ios::app);
  file << "\nunix_socket_directories = '" << dir_.path() << "'\n"
       << "unix_socket_permissions = 0700\n"
       << "listen_addresses = '" << (options_.tcp ? "127.0.0.1" : "") << "'\n"
       << "port = " << port() << "\n"
       << "fsync = " << (options_.fsync ? "on" : "off") << "\n"
       << "max_connections = 50\n"
       << "log_min_messages = warning\n";
  for (const std::string& line : options_.config) file << line << "\n";
  file.close();
  if (!file) FatalErrno("cannot write postgresql.conf");
  if (options_.password.empty()) return;
  std::ofstream hba(dir_.File("data/pg_hba.conf"), std::ios::trunc);
  hba << "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n";
  hba.close();
  if (!hba) FatalErrno("cannot write pg_hba.conf");
  // In single-user mode nobody is asked for a password.
  const std::string sql = dir_.File("password.sql");
  std::ofstream(sql) << "ALTER USER postgres PASSWORD '" << options_.password << "'\n";
  std::filesystem::permissions(sql, std::filesystem::perms::all);
  ChildProcess single(ProcessOptions{
      .argv = AsPostgresUser({"/bin/sh", "-c",
                              absl::StrCat(PostgresProgram("postgres"), " --single -D ",
                                           dir_.File("data"), " postgres < ", sql)}),
      .env = {},
      .working_dir = dir_.path(),
      .log_path = dir_.File("password.log"),
      .package = "postgresql-15"});
  const std::optional<ExitStatus> exit = single.Wait(kStartTimeout);
  if (!exit || exit->code != 0) Fatal("cannot set the password:\n" + single.LogTail());
}

bool PostgresServer::TryStart() {
  // The one before is reaped here: while its id means anybody, its lock file holds.
  process_.reset();
  process_ = std::make_unique<ChildProcess>(
      ProcessOptions{.argv = AsPostgresUser({PostgresProgram("postgres"), "-D", dir_.File("data")}),
                     .env = {},
                     .working_dir = dir_.path(),
                     .log_path = dir_.File("postgres.log"),
                     .package = "postgresql-15"});
  bool serves = false;
  PollUntil(kStartTimeout, [&] {
    serves = Serves();
    return serves || !process_->running();
  });
  return serves;
}

// The last line of postmaster.pid is where the server says so, for pg_ctl.
bool PostgresServer::Serves() const {
  std::ifstream file(dir_.File("data/postmaster.pid"));
  std::string first, line, last;
  std::getline(file, first);
  while (std::getline(file, line)) last = line;
  return first == absl::StrCat(pid()) && absl::StartsWith(last, "ready");
}

void PostgresServer::Start() {
  if (running()) Fatal("postgres is running already");
  if (!TryStart()) Fatal("postgres does not start again; its log ends:\n" + LogTail());
}

void PostgresServer::Stop() { process_->Stop(SIGINT); }

std::vector<pid_t> PostgresServer::Children() const {
  std::vector<pid_t> children;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    pid_t child = 0;
    if (absl::SimpleAtoi(entry.path().filename().string(), &child) &&
        StateOf(child).parent == pid()) {
      children.push_back(child);
    }
  }
  return children;
}

void PostgresServer::StopPostmaster() {
  process_->Signal(SIGSTOP);
  if (!PollUntil(kStartTimeout, [&] { return StateOf(pid()).state == 'T'; })) {
    Fatal("postgres survives SIGSTOP");
  }
}

void PostgresServer::Kill() {
  // Stopped first: a postmaster that runs would start children meanwhile.
  StopPostmaster();
  const std::vector<pid_t> children = Children();
  for (const pid_t child : children) ::kill(child, SIGKILL);
  process_->Stop(SIGKILL);
  const bool gone = PollUntil(kStartTimeout, [&] {
    return std::all_of(children.begin(), children.end(), [](pid_t child) {
      // Once its parent is gone somebody else waits for it, sooner or later; a zombie holds
      // nothing.
      const char state = StateOf(child).state;
      return state == 0 || state == 'Z';
    });
  });
  if (!gone) Fatal("children of postgres survive SIGKILL");
}

void PostgresServer::Pause() {
  StopPostmaster();
  for (const pid_t child : Children()) ::kill(child, SIGSTOP);
}

void PostgresServer::Resume() {
  for (const pid_t child : Children()) ::kill(child, SIGCONT);
  process_->Signal(SIGCONT);
}

std::string PostgresServer::Credentials() const {
  return options_.password.empty() ? "postgres" : absl::StrCat("postgres:", options_.password);
}

std::string PostgresServer::url(std::string_view database) const {
  return absl::StrCat("postgres://", Credentials(), "@",
                      absl::StrReplaceAll(dir_.path(), {{"/", "%2F"}}), ":", port(), "/",
                      Abseil(database));
}

std::string PostgresServer::TcpUrl(int port, std::string_view database) const {
  return absl::StrCat("postgres://", Credentials(), "@127.0.0.1:", port, "/", Abseil(database));
}

}  // namespace quotaplane::fixtures
