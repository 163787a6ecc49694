#include "tools/quotactl/globals.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/client/json.h"
#include "tools/quotactl/flags.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

namespace {

// gRPC would take a port past 65535 modulo 65536, and a name without a port for one of its own.
bool IsHostAndPort(const std::string& server) {
  const size_t colon = server.rfind(':');
  if (colon == 0 || colon == std::string::npos) return false;
  const std::string host = server.substr(0, colon);
  int port = 0;
  if (!absl::SimpleAtoi(server.substr(colon + 1), &port) || port < 1 || port > 65535) return false;
  const bool is_bracketed = host.front() == '[' && host.back() == ']';
  return is_bracketed || host.find_first_of(":/") == std::string::npos;
}

}  // namespace

absl::StatusOr<client::Connection> Connect(const Globals& globals) {
  if (!IsHostAndPort(globals.server)) {
    return absl::InvalidArgumentError(absl::StrCat("--server: \"", globals.server,
                                                   "\" is no HOST:PORT, such as ", kDefaultServer));
  }
  const absl::StatusOr<absl::Duration> timeout = ParseSpan("--timeout", globals.timeout);
  if (!timeout.ok()) return timeout.status();
  const absl::StatusOr<client::Security> security =
      client::Resolve(globals.security, globals.server);
  if (!security.ok()) return security.status();
  return absl::StatusOr<client::Connection>(absl::in_place, globals.server, *timeout, *security);
}

int ReportError(const Globals& globals, const absl::Status& status) {
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  if (globals.json) std::fputs(client::ToJson(details).c_str(), stdout);
  std::fprintf(stderr, "%s\n", details.message().c_str());
  return absl::IsInvalidArgument(status) ? client::kWrongUse : client::kFailed;
}

int ReportError(const Globals& globals, const client::Connection& connection,
                const grpc::Status& status) {
  const client::Failure failure = client::Explain(status, connection.server(), connection.timeout(),
                                                  terminal::Style::For(STDERR_FILENO));
  if (globals.json) std::fputs(client::ToJson(failure.status).c_str(), stdout);
  std::fputs(failure.text.c_str(), stderr);
  return failure.exit_code;
}

void Print(const Globals& globals, const google::protobuf::Message& message,
           const std::string& text) {
  std::fputs(globals.json ? client::ToJson(message).c_str() : text.c_str(), stdout);
}

int ExitCodeOf(v1::Decision decision) {
  return decision == v1::DECISION_DENY ? client::kDenied : client::kDone;
}

}  // namespace quotaplane::quotactl
