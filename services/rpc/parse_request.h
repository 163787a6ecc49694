// From the raw bytes of a request to its message.
//
// The methods are raw (grpc::ByteBuffer): a request that is too large or malformed is answered with
// a google.rpc.BadRequest of ours, where gRPC's own parsing would only cancel the call. And it is
// the gate that every request passes: what its caller may not ask for, no handler sees.
#pragma once

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "services/rpc/caller.h"

namespace quotaplane {

inline constexpr size_t kMaxRequestBytes = 64 * 1024;

// PERMISSION_DENIED if the caller may not ask for that (Authorize). INVALID_ARGUMENT with `name`,
// the message's, as the field, to callers who may call the method at all. Empties `bytes` where it
// parses them.
template <typename Request>
absl::Status ParseRequest(const char* name, grpc::ByteBuffer* bytes, const Caller& caller,
                          Request* request, size_t most = kMaxRequestBytes) {
  const auto malformed = [&](const std::string& what) {
    const absl::Status status = Authorize(caller, {RequestScope::Kind::kNothing, {}});
    return status.ok() ? FieldError({{name, what}}) : status;
  };
  if (bytes->Length() > most) {
    return malformed(
        absl::StrCat("has ", bytes->Length(), " bytes; at most ", most, " are allowed"));
  }
  if (!grpc::SerializationTraits<Request>::Deserialize(bytes, request).ok()) {
    return malformed("is malformed: not this message, or a string is not UTF-8");
  }
  return Authorize(caller, ScopeOf(*request));
}

}  // namespace quotaplane
