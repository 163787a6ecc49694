#include "services/rpc/call_trace.h"

#include <string>

#include "absl/time/clock.h"

namespace quotaplane {
namespace {

std::string_view Header(const grpc::ServerContextBase& context, const char* name) {
  const auto found = context.client_metadata().find(name);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

}  // namespace

void CallTrace::Begin(const tracing::Tracer* tracer, const grpc::ServerContextBase& context,
                      const std::string& path) {
  if (tracer == nullptr) return;
  const std::string_view name = std::string_view(path).substr(1);
  call_ = tracer->BeginCall(name, Header(context, "traceparent"), Header(context, "tracestate"),
                            absl::GetCurrentTimeNanos());
  const size_t slash = name.find('/');
  call_.Set("rpc.system", "grpc");
  call_.Set("rpc.service", name.substr(0, slash));
  call_.Set("rpc.method", name.substr(slash + 1));
}

void CallTrace::StoreBegins() {
  if (!call_.sampled()) return;
  store_ = call_.Child("counter store", tracing::Span::Kind::kClient, absl::GetCurrentTimeNanos());
  store_.Set("db.system", "redis");
}

void CallTrace::StoreEnds(bool ok) {
  if (!store_.sampled()) return;
  if (!ok) store_.Fail("");
  store_.End(absl::GetCurrentTimeNanos());
}

std::string CallTrace::Packed() const {
  return call_.sampled() ? tracing::PackTraceContext(call_.context()) : std::string();
}

void CallTrace::End(int grpc_code, std::string_view message) {
  if (!call_.sampled()) return;
  call_.Set("rpc.grpc.status_code", static_cast<int64_t>(grpc_code));
  // Of a server's span, by OpenTelemetry: an error is what is the server's fault.
  if (grpc_code == 2 || grpc_code == 4 || grpc_code == 12 || grpc_code == 13 || grpc_code == 14 ||
      grpc_code == 15) {
    call_.Fail(message);
  }
  call_.End(absl::GetCurrentTimeNanos());
}

}  // namespace quotaplane
