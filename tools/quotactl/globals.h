// What every subcommand shares: the flags that stand before or after it, and the way results and
// errors are printed.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "quotaplane/v1/quota.pb.h"
#include "tools/client/connection.h"
#include "tools/client/failure.h"

namespace quotaplane::quotactl {

inline constexpr char kDefaultServer[] = "127.0.0.1:7411";

struct Globals {
  std::string server = kDefaultServer;
  std::string timeout = "10s";
  bool json = false;
  client::SecurityFlags security;
};

// A subcommand's work, after its flags are read; gives the exit code.
using Work = std::function<int()>;

// INVALID_ARGUMENT if --server is no HOST:PORT, or --timeout no positive duration; or as
// client::Resolve.
absl::StatusOr<client::Connection> Connect(const Globals& globals);

// Prints an error that the program itself found; kWrongUse for INVALID_ARGUMENT, kFailed otherwise.
// With --json also as google.rpc.Status on stdout.
int ReportError(const Globals& globals, const absl::Status& status);
// The same for what a server, or gRPC, answered.
int ReportError(const Globals& globals, const client::Connection& connection,
                const grpc::Status& status);

// Prints the message's JSON with --json, `text` otherwise.
void Print(const Globals& globals, const google::protobuf::Message& message,
           const std::string& text);

int ExitCodeOf(v1::Decision decision);

// 0 for a call that is done, or that of its decision.
template <typename Response>
int ExitCodeOf(const Response& response) {
  if constexpr (requires { response.decision(); }) {
    return ExitCodeOf(response.decision());
  } else {
    return client::kDone;
  }
}

// Makes one call and prints what came of it: `render` turns the response into text for people.
template <typename Stub, typename Request, typename Response, typename Render>
int CallAndPrint(const Globals& globals,
                 grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                 const Request& request, Render render) {
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  Response response;
  const grpc::Status status = connection->Call(method, request, &response);
  if (!status.ok()) return ReportError(globals, *connection, status);
  Print(globals, response, globals.json ? std::string() : render(response));
  return ExitCodeOf(response);
}

}  // namespace quotaplane::quotactl
