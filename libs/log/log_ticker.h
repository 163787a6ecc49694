// The log's second hand: a thread that calls TickLog every second as long as it lives, and FlushLog
// at its end.
#pragma once

#include <thread>

#include "absl/synchronization/notification.h"

namespace quotaplane {

class LogTicker {
 public:
  // Its thread has the caller's signal mask.
  LogTicker();
  ~LogTicker();
  LogTicker(const LogTicker&) = delete;
  LogTicker& operator=(const LogTicker&) = delete;

 private:
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
