#include "services/rpc/call_log.h"

#include <array>
#include <string_view>

#include "libs/log/log.h"

namespace quotaplane {
namespace {

constexpr std::array<std::string_view, 17> kCodes = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

bool IsServersFault(grpc::StatusCode code) {
  return code == grpc::StatusCode::INTERNAL || code == grpc::StatusCode::UNKNOWN ||
         code == grpc::StatusCode::DATA_LOSS;
}

}  // namespace

bool LogsCall(grpc::StatusCode code) { return IsServersFault(code) || Logs(LogLevel::kDebug); }

void LogCall(const CalledMethod& method, const std::string& request_id, const grpc::Status& status,
             std::chrono::steady_clock::duration took) {
  const grpc::StatusCode code = status.error_code();
  const auto index = static_cast<size_t>(code);
  const std::string_view name = index < kCodes.size() ? kCodes[index] : "?";
  const std::string took_us =
      std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  const LogScope scope({{"method", method.path},
                        {"request_id", request_id},
                        {"status", name},
                        {"took_us", took_us}});
  if (IsServersFault(code)) {
    LogError("a call failed: {}", status.error_message());
  } else {
    LogDebug("a call ended");
  }
}

}  // namespace quotaplane
