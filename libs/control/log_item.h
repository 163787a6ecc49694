// What every process of the deployment logs, as an admin has said it, on its way to them: the item
// `log`. Without it, or once it has ended, each logs as it was started.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/log/log_level.h"

namespace quotaplane {

inline constexpr std::string_view kLogItemName = "log";

struct LogSetting {
  LogLevel level = LogLevel::kInfo;
  int64_t until_us = 0;  // 0: until it is set again

  friend bool operator==(const LogSetting&, const LogSetting&) = default;
};

// The item's body: "debug 1793491200000000".
std::string EncodeLogSetting(const LogSetting& setting);
// DATA_LOSS: not such a body.
absl::StatusOr<LogSetting> DecodeLogSetting(std::string_view body);

}  // namespace quotaplane
