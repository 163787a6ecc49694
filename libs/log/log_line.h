// One line of the log, in either format: pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "libs/log/log_level.h"

namespace quotaplane {

struct LogLine {
  int64_t time_us = 0;
  LogLevel level = LogLevel::kInfo;
  std::string_view message;
  std::string_view source;  // "libs/ledger/ledger_worker.cc:73"
  std::span<const std::pair<std::string, std::string>> fields;
  int64_t left_out = 0;  // so many lines like this one were not written
};

// At most so much of a message is written, and then "…".
inline constexpr size_t kMaxLogMessageBytes = 8'192;

// A JSON object without a line's end: time, level, message, source, the fields, left_out. Whatever
// bytes the message has: what is no UTF-8 is replaced.
std::string JsonLine(const LogLine& line);

// For people. Nothing in it can move a terminal's cursor, change its colours, or look like a line
// of its own: control characters are written as \xNN, and lines within the message are indented.
std::string TextLine(const LogLine& line, bool colour);

// "/any/where/libs/ledger/worker.cc" -> "libs/ledger/worker.cc".
std::string_view PathInSource(std::string_view file);

}  // namespace quotaplane
