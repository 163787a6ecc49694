// What this process says of itself, line by line on standard error. The only user of spdlog.
//
//   LogError("message {} of partition {} was put aside: {}", id, partition, why);
//
// A line never has what a request's subject is made of: labels, prompts, free text; nor tokens,
// keys, passwords, or URLs that may have one. Orgs, ids of what the control plane keeps, names of
// limits and of principals may stand in it. tests/e2e/logs_test.py attacks that.
//
// What the thread works for stands beside the message, without a word of whoever writes the line:
//
//   const LogScope scope({{"method", method}, {"request_id", id}});
//
// Warnings and errors of one place in the source are sampled (line_sampler.h): an outage says what
// is the matter, and how often, in a few lines.
//
// All of it is thread-safe, and blocks while standard error does.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "libs/log/log_level.h"

namespace quotaplane {

// Before anything is logged, and before there are threads; without it there is text at kInfo.
struct LogOptions {
  bool json = true;  // a JSON object a line; otherwise text, for people
  LogLevel level = LogLevel::kInfo;
  bool colour = false;  // of text
  int file = 2;         // where lines are written
};
void StartLog(const LogOptions& options);

// In place of LogOptions::level, until then, by this machine's clock; 0: until it is said again.
void OverrideLogLevel(LogLevel level, int64_t until_us);
// The level of LogOptions holds again.
void EndLogOverride();

// Ends what is over by now: an override, and the count of lines that were left out, which are told.
// To be called every second or so (log_ticker.h); the time is this machine's.
void TickLog(int64_t now_us);
// Tells of all lines that were left out so far.
void FlushLog();

// Names and values beside the messages that this thread logs in the meantime. Scopes nest.
class LogScope {
 public:
  using Field = std::pair<std::string_view, std::string_view>;
  LogScope(std::initializer_list<Field> fields);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

 private:
  const size_t before_;  // how many fields there were
};

// Where in the source a line is written.
struct LogPlace {
  const char* file = "";
  int line = 0;
};

// What the functions below do.
namespace log_internal {

inline std::atomic<LogLevel> least = LogLevel::kInfo;

void Write(LogLevel level, LogPlace place, std::string_view message);

// A format, checked as it is compiled, and where it stands.
template <typename... Args>
struct Text {
  template <typename Format>
  // NOLINTNEXTLINE(google-explicit-constructor): a format is written as a plain literal.
  consteval Text(const Format& text, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE())
      : format(text), place{file, line} {}

  fmt::format_string<Args...> format;
  LogPlace place;
};

}  // namespace log_internal

// Whether lines of that level are written, so that nobody makes one for nothing.
inline bool Logs(LogLevel level) {
  return level >= log_internal::least.load(std::memory_order_relaxed);
}

template <typename... Args>
using LogText = log_internal::Text<std::type_identity_t<Args>...>;

template <typename... Args>
void LogAt(LogLevel level, LogText<Args...> text, Args&&... args) {
  if (!Logs(level)) return;
  log_internal::Write(level, text.place, fmt::format(text.format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogDebug(LogText<Args...> text, Args&&... args) {
  LogAt<Args...>(LogLevel::kDebug, text, std::forward<Args>(args)...);
}
template <typename... Args>
void LogInfo(LogText<Args...> text, Args&&... args) {
  LogAt<Args...>(LogLevel::kInfo, text, std::forward<Args>(args)...);
}
template <typename... Args>
void LogWarning(LogText<Args...> text, Args&&... args) {
  LogAt<Args...>(LogLevel::kWarning, text, std::forward<Args>(args)...);
}
template <typename... Args>
void LogError(LogText<Args...> text, Args&&... args) {
  LogAt<Args...>(LogLevel::kError, text, std::forward<Args>(args)...);
}
template <typename... Args>
void LogCritical(LogText<Args...> text, Args&&... args) {
  LogAt<Args...>(LogLevel::kCritical, text, std::forward<Args>(args)...);
}

}  // namespace quotaplane
