// How much a process says of what it does.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace quotaplane {

// A process logs lines of its level and of those behind it.
enum class LogLevel {
  kDebug,    // each call, and what else helps to find a fault
  kInfo,     // what starts, changes and heals
  kWarning,  // what works otherwise than it should
  kError,    // what does not work
  kCritical  // what is lost, or does not heal by itself
};

inline constexpr std::array<std::string_view, 5> kLogLevelNames = {"debug", "info", "warning",
                                                                   "error", "critical"};

constexpr std::string_view LogLevelName(LogLevel level) {
  return kLogLevelNames[static_cast<size_t>(level)];
}

constexpr std::optional<LogLevel> ParseLogLevel(std::string_view name) {
  for (size_t i = 0; i < kLogLevelNames.size(); ++i) {
    if (kLogLevelNames[i] == name) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

}  // namespace quotaplane
