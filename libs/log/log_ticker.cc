#include "libs/log/log_ticker.h"

#include "absl/time/clock.h"
#include "libs/log/log.h"

namespace quotaplane {

LogTicker::LogTicker()
    : thread_([this] {
        while (!stop_.WaitForNotificationWithTimeout(absl::Seconds(1))) {
          TickLog(absl::ToUnixMicros(absl::Now()));
        }
      }) {}

LogTicker::~LogTicker() {
  stop_.Notify();
  thread_.join();
  FlushLog();
}

}  // namespace quotaplane
