// absl::Status -> grpc::Status: codes, messages, and google.rpc details (BadRequest, ErrorInfo).
// The only place that knows both.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace quotaplane {

grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace quotaplane
