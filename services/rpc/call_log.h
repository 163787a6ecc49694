// Each call that ends, as a line of the log at the level debug; and each whose fault is the
// server's, as an error with what went wrong. Neither has anything of the request but its id.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <string>

#include "services/rpc/caller.h"

namespace quotaplane {

// Whether LogCall would write anything.
bool LogsCall(grpc::StatusCode code);

// `took`: since it came.
void LogCall(const CalledMethod& method, const std::string& request_id, const grpc::Status& status,
             std::chrono::steady_clock::duration took);

}  // namespace quotaplane
