#include "libs/rpc/library_log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <string>

#include "libs/log/log.h"

namespace quotaplane {

void LogWhatLibrariesSay() {
  gpr_set_log_function([](gpr_log_func_args* said) { LogWarning("gRPC: {}", said->message); });
  google::protobuf::SetLogHandler(
      [](google::protobuf::LogLevel, const char*, int, const std::string& message) {
        LogWarning("Protobuf: {}", message);
      });
}

void IgnoreWhatLibrariesSay() {
  gpr_set_log_function([](gpr_log_func_args*) {});
  google::protobuf::SetLogHandler(nullptr);
}

}  // namespace quotaplane
