#include "libs/log/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/mutex.h"
#include "libs/log/line_sampler.h"
#include "libs/log/log_line.h"
#include "libs/log/suppressed_lines.h"

namespace quotaplane {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields& ThreadFields() {
  thread_local Fields fields;
  return fields;
}

int64_t MicrosOf(spdlog::log_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  return static_cast<spdlog::level::level_enum>(static_cast<int>(level) +
                                                static_cast<int>(spdlog::level::debug));
}
LogLevel FromSpdlog(spdlog::level::level_enum level) {
  return static_cast<LogLevel>(static_cast<int>(level) - static_cast<int>(spdlog::level::debug));
}

// Called by the thread that logs, so that its fields are there.
class LineSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void Start(const LogOptions& options) {
    const std::scoped_lock lock(mutex_);
    options_ = options;
  }
  void Tick(int64_t now_us) {
    const std::scoped_lock lock(mutex_);
    Tell(sampler_.TakeEnded(now_us), now_us);
  }
  int64_t Suppressed(LogLevel level) const {
    return suppressed_[static_cast<size_t>(level)].load(std::memory_order_relaxed);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& said) override {
    const LogLevel level = FromSpdlog(said.level);
    const std::string_view message(said.payload.data(), said.payload.size());
    const std::string_view file = PathInSource(said.source.filename);
    const int64_t now_us = MicrosOf(said.time);
    const bool sampled = level == LogLevel::kWarning || level == LogLevel::kError;
    if (sampled && !sampler_.Admit(level, file, said.source.line, message, now_us)) {
      suppressed_[static_cast<size_t>(level)].fetch_add(1, std::memory_order_relaxed);
      return;
    }
    Write(level, file, said.source.line, message, now_us, ThreadFields(), 0);
  }
  void flush_() override { Tell(sampler_.TakeAll(), MicrosOf(spdlog::log_clock::now())); }

 private:
  void Tell(const std::vector<LineSampler::LeftOut>& all, int64_t now_us) const {
    for (const LineSampler::LeftOut& one : all) {
      Write(one.level, one.file, one.line, one.last, now_us, {}, one.lines);
    }
  }

  void Write(LogLevel level, std::string_view file, int line_number, std::string_view message,
             int64_t now_us, const Fields& fields, int64_t left_out) const {
    std::string source(file);
    absl::StrAppend(&source, ":", line_number);
    const LogLine line = {now_us, level, message, source, fields, left_out};
    std::string text = options_.json ? JsonLine(line) : TextLine(line, options_.colour);
    text += '\n';
    size_t written = 0;
    while (written < text.size()) {
      const ssize_t more = write(options_.file, text.data() + written, text.size() - written);
      if (more < 0 && errno == EINTR) continue;
      if (more <= 0) return;  // nobody is there to be told
      written += static_cast<size_t>(more);
    }
  }

  LogOptions options_ = {.json = false};
  LineSampler sampler_;
  std::array<std::atomic<int64_t>, kLogLevelNames.size()> suppressed_ = {};  // by level
};

class Log {
 public:
  Log() : sink_(std::make_shared<LineSink>()), logger_("quotaplane", sink_) {
    logger_.set_level(spdlog::level::debug);
  }

  LineSink& sink() { return *sink_; }
  spdlog::logger& logger() { return logger_; }

  void SetLevel(LogLevel level) {
    const MutexLock lock(mutex_);
    level_ = level;
    log_internal::least = level;
  }
  void Override(LogLevel level, int64_t until_us) {
    const MutexLock lock(mutex_);
    until_us_ = until_us;
    log_internal::least = level;
  }
  void EndOverride() {
    const MutexLock lock(mutex_);
    until_us_ = 0;
    log_internal::least = level_;
  }
  void Tick(int64_t now_us) {
    const MutexLock lock(mutex_);
    if (until_us_ == 0 || now_us < until_us_) return;
    until_us_ = 0;
    log_internal::least = level_;
  }

 private:
  const std::shared_ptr<LineSink> sink_;
  spdlog::logger logger_;
  Mutex mutex_;
  LogLevel level_ ABSL_GUARDED_BY(mutex_) = LogLevel::kInfo;
  int64_t until_us_ ABSL_GUARDED_BY(mutex_) = 0;  // of an override that ends
};

Log& TheLog() {
  static Log* const kLog = new Log;
  return *kLog;
}

}  // namespace

void StartLog(const LogOptions& options) {
  TheLog().sink().Start(options);
  TheLog().SetLevel(options.level);
}

void OverrideLogLevel(LogLevel level, int64_t until_us) { TheLog().Override(level, until_us); }

void EndLogOverride() { TheLog().EndOverride(); }

void TickLog(int64_t now_us) {
  TheLog().Tick(now_us);
  TheLog().sink().Tick(now_us);
}

void FlushLog() { TheLog().logger().flush(); }

int64_t SuppressedLogLines(LogLevel level) { return TheLog().sink().Suppressed(level); }

LogScope::LogScope(std::initializer_list<Field> fields) : before_(ThreadFields().size()) {
  for (const auto& [name, value] : fields) ThreadFields().emplace_back(name, value);
}

LogScope::~LogScope() { ThreadFields().resize(before_); }

namespace log_internal {

void Write(LogLevel level, LogPlace place, std::string_view message) {
  TheLog().logger().log(spdlog::source_loc(place.file, place.line, ""), ToSpdlog(level),
                        spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace log_internal
}  // namespace quotaplane
