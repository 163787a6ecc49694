// What a failed call means to the person, or the script, who made it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/time/time.h"
#include "google/rpc/status.pb.h"
#include "tools/terminal/style.h"

namespace quotaplane::client {

// How every program here ends.
enum ExitCode {
  kDone = 0,  // allowed, or done
  kFailed =
      1,  // anything else: the server is away, the reservation is unknown, a file cannot be read…
  kWrongUse = 2,  // the call itself is wrong (bad flags, or the server said INVALID_ARGUMENT):
                  // repeating it is useless
  kDenied = 3,    // a limit or a rule refused the request
};

// ErrorInfo.reason of the status' details; empty where there is none.
std::string ReasonOf(const grpc::Status& status);

struct Failure {
  ExitCode exit_code = kFailed;
  // The cause, the fields that broke a rule, and what to do next; several lines.
  std::string text;
  // As the server sent it, with its details; for JSON.
  google::rpc::Status status;
};

// Requires !status.ok(). `server` and `timeout` are those of the call.
Failure Explain(const grpc::Status& status, const std::string& server, absl::Duration timeout,
                const terminal::Style& style);

}  // namespace quotaplane::client
