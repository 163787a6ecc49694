// absl::Status -> grpc::Status: codes, messages, and google.rpc details (BadRequest, ErrorInfo).
// The only place that knows both.
//
// An error travels in the trailers, and a gRPC client that is told of more than 8 KiB there (its
// default) sees RESOURCE_EXHAUSTED instead of the error. So of many field violations the first ones
// are named, and the message ends with how many more there are.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace quotaplane {

grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace quotaplane
