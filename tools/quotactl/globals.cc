#include "tools/quotactl/globals.h"

#include <unistd.h>

#include <cstdio>

#include "tools/client/json.h"
#include "tools/quotactl/flags.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

absl::StatusOr<client::Connection> Connect(const Globals& globals) {
  const absl::StatusOr<absl::Duration> timeout = ParseSpan("--timeout", globals.timeout);
  if (!timeout.ok()) return timeout.status();
  return absl::StatusOr<client::Connection>(absl::in_place, globals.server, *timeout);
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
