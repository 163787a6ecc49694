#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "quotaplane/v1/internal/ping.grpc.pb.h"
#include "tools/client/token_store.h"
#include "tools/quotactl/commands.h"

namespace quotaplane::quotactl {
namespace {

// A line of standard input; a terminal does not show it.
std::string ReadLine() {
  termios shown;
  const bool is_terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
  if (is_terminal) {
    std::fputs("Token: ", stderr);
    termios hidden = shown;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  std::string line;
  std::getline(std::cin, line);
  if (is_terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    std::fputs("\n", stderr);
  }
  return line;
}

// --token-file, QUOTAPLANE_TOKEN, or else what is typed or piped in; not what is stored already.
absl::StatusOr<client::Security> Credentials(const Globals& globals) {
  client::SecurityFlags flags = globals.security;
  const char* const variable = std::getenv("QUOTAPLANE_TOKEN");
  if (flags.token_file.empty() && (variable == nullptr || *variable == '\0')) {
    QP_ASSIGN_OR_RETURN(const std::string token, client::CleanToken(ReadLine()));
    // The same checks as for any other.
    setenv("QUOTAPLANE_TOKEN", token.c_str(), 1);
  }
  return client::Resolve(flags, globals.server);
}

void PrintLine(const Globals& globals, const nlohmann::ordered_json& json,
               const std::string& text) {
  std::printf("%s\n", globals.json ? json.dump(2).c_str() : text.c_str());
}

int LogIn(const Globals& globals) {
  const absl::StatusOr<client::Security> security = Credentials(globals);
  if (!security.ok()) return ReportError(globals, security.status());
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  // Whoever has any role may call it.
  const auto stub = v1::internal::PingService::NewStub(connection->channel());
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + connection->timeout()));
  v1::internal::PingResponse response;
  const grpc::Status status = stub->Ping(&context, {}, &response);
  if (!status.ok()) return ReportError(globals, *connection, status);
  const absl::Status stored = client::StoreToken(globals.server, security->token);
  if (!stored.ok()) return ReportError(globals, stored);
  const std::string path = *client::TokenStorePath();
  PrintLine(globals, {{"server", globals.server}, {"kept_in", path}},
            globals.server + " accepts the token, which is kept in " + path);
  return client::kDone;
}

int LogOut(const Globals& globals) {
  const absl::Status forgotten = client::StoreToken(globals.server, "");
  if (!forgotten.ok()) return ReportError(globals, forgotten);
  PrintLine(globals, {{"server", globals.server}, {"kept_in", nullptr}},
            "No token is kept for " + globals.server);
  return client::kDone;
}

}  // namespace

void AddLogin(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* login =
      app.add_subcommand("login", "Keeps a token for the server, once the server has accepted it");
  login->footer(
      R"(The token is read from --token-file, the variable QUOTAPLANE_TOKEN, or standard input, and kept in a file of
yours alone under ~/.config/quotaplane. A server without --auth accepts anything.

Examples:
  quotactl login --server quota.example:7411 --tls-ca ca.crt
  quotactl login < root.token)");
  login->callback([=, &globals] { *work = [&globals] { return LogIn(globals); }; });
  CLI::App* logout = app.add_subcommand("logout", "Forgets the token for the server");
  logout->footer(R"(Examples:
  quotactl logout --server quota.example:7411)");
  logout->callback([=, &globals] { *work = [&globals] { return LogOut(globals); }; });
}

}  // namespace quotaplane::quotactl
