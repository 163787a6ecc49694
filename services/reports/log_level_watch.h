// The level of the logs, where no control plane brings it: a process that reports alone has the
// ledger's database and nothing else, and asks there.
#pragma once

#include <functional>
#include <optional>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/control/log_item.h"
#include "libs/sql/database.h"

namespace quotaplane {

class LogLevelWatch {
 public:
  // Blocks, and opens the database where that has not been done.
  using LedgerOf = std::function<absl::StatusOr<sql::Database*>()>;

  // Starts a thread that looks every `every`, less often while it cannot. What holds then stays.
  explicit LogLevelWatch(LedgerOf ledger, absl::Duration every = absl::Seconds(1));
  // Waits for the look under way.
  ~LogLevelWatch();

 private:
  void Run(absl::Duration every);
  absl::Status Look();

  const LedgerOf ledger_;
  std::optional<LogSetting> setting_;  // the one in force; of the thread
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
