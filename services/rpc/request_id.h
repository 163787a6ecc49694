// The name of one call: in the log, and for its caller, who can quote it.
#pragma once

#include <grpcpp/server_context.h>

#include <string>

namespace quotaplane {

// Metadata of calls and, at their end, of answers.
inline constexpr char kRequestIdKey[] = "x-request-id";

// The caller's own, from `x-request-id`: 1 to 64 of A-Z a-z 0-9 . _ : - that look like no
// credential. Otherwise the trace's, of a W3C `traceparent`. Otherwise one that is made: 32
// hexadecimal digits.
std::string RequestIdOf(const grpc::ServerContextBase& context);

}  // namespace quotaplane
