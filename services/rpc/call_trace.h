// The span of a call, and that of the counter store's part of it.
#pragma once

#include <grpcpp/server_context.h>

#include <string>
#include <string_view>

#include "libs/tracing/tracer.h"

namespace quotaplane {

// One thread at a time. Does nothing, for the price of a comparison, where there is no tracer or
// the call is not sampled.
class CallTrace {
 public:
  // `path`: "/package.Service/Method". A call's own trace, if its headers name one. Null: none.
  void Begin(const tracing::Tracer* tracer, const grpc::ServerContextBase& context,
             const std::string& path);
  void StoreBegins();
  void StoreEnds(bool ok);
  void Set(std::string_view key, std::string_view value) { call_.Set(key, value); }
  // Of what the call leads to in other processes; empty: nothing of it is to be traced.
  std::string Packed() const;
  // Before the answer goes, since the call may be gone right after.
  void End(int grpc_code, std::string_view message);

 private:
  tracing::ActiveSpan call_;
  tracing::ActiveSpan store_;
};

}  // namespace quotaplane
