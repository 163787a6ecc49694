// From the raw bytes of a request to its message.
//
// The methods are raw (grpc::ByteBuffer): a request that is too large or malformed is answered with
// a google.rpc.BadRequest of ours, where gRPC's own parsing would only cancel the call.
#pragma once

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"

namespace quotaplane {

inline constexpr size_t kMaxRequestBytes = 64 * 1024;

// INVALID_ARGUMENT with `name`, the message's, as the field. Empties `bytes` where it parses them.
template <typename Request>
absl::Status ParseRequest(const char* name, grpc::ByteBuffer* bytes, Request* request,
                          size_t most = kMaxRequestBytes) {
  if (bytes->Length() > most) {
    return FieldError(
        {{name, absl::StrCat("has ", bytes->Length(), " bytes; at most ", most, " are allowed")}});
  }
  if (!grpc::SerializationTraits<Request>::Deserialize(bytes, request).ok()) {
    return FieldError({{name, "is malformed: not this message, or a string is not UTF-8"}});
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
