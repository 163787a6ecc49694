#include "services/reports/log_level_watch.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/control/log_setting.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

// Whoever wants reports may have to wait for each try to connect.
constexpr absl::Duration kAwayPause = absl::Seconds(10);

}  // namespace

LogLevelWatch::LogLevelWatch(LedgerOf ledger, absl::Duration every)
    : ledger_(std::move(ledger)), thread_([this, every] { Run(every); }) {}

LogLevelWatch::~LogLevelWatch() {
  stop_.Notify();
  thread_.join();
}

void LogLevelWatch::Run(absl::Duration every) {
  bool told = false;
  absl::Duration pause = every;
  do {
    const absl::Status looked = Look();
    if (!looked.ok() && !told) LogWarning("what to log is not known: {}", looked.ToString());
    told = !looked.ok();
    pause = looked.ok() ? every : std::max(every, kAwayPause);
  } while (!stop_.WaitForNotificationWithTimeout(pause));
}

absl::Status LogLevelWatch::Look() {
  QP_ASSIGN_OR_RETURN(sql::Database* const database, ledger_());
  QP_ASSIGN_OR_RETURN(const std::optional<LogSetting> setting,
                      ReadLogSetting(*database, absl::ToUnixMicros(absl::Now())));
  if (setting == setting_) return absl::OkStatus();
  setting_ = setting;
  if (setting.has_value()) {
    OverrideLogLevel(setting->level, setting->until_us);
  } else {
    EndLogOverride();
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
