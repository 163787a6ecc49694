#include "services/admin/log_calls.h"

#include <optional>

#include "libs/control/log_setting.h"
#include "services/admin/requests.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

void Answer(const std::optional<LogSetting>& setting, v1::LogSetting* response) {
  if (!setting.has_value()) return;
  response->set_level(static_cast<v1::LogLevel>(static_cast<int>(setting->level) + 1));
  if (setting->until_us != 0) SetTime(setting->until_us, response->mutable_end_time());
}

// Of a request that has passed its check.
std::optional<LogSetting> SettingOf(const v1::SetLogLevelRequest& request, int64_t now_us) {
  if (request.level() == v1::LOG_LEVEL_UNSPECIFIED) return std::nullopt;
  LogSetting setting;
  setting.level = static_cast<LogLevel>(static_cast<int>(request.level()) - 1);
  if (request.seconds() != 0) setting.until_us = now_us + request.seconds() * 1'000'000;
  return setting;
}

}  // namespace

absl::Status Check(const v1::SetLogLevelRequest& request) {
  FieldChecks checks;
  if (!v1::LogLevel_IsValid(request.level())) checks.Violation("level", "is no level");
  const bool debug = request.level() == v1::LOG_LEVEL_DEBUG;
  int64_t most = debug ? kMaxDebugUs / 1'000'000 : kMaxLogSettingUs / 1'000'000;
  if (request.level() == v1::LOG_LEVEL_UNSPECIFIED) most = 0;
  CheckRange(request.seconds(), debug ? 1 : 0, most, "seconds", &checks);
  checks.Text(request.request_id(), "request_id", true);
  CheckReason(request.reason(), "reason", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::GetLogLevelRequest&) { return absl::OkStatus(); }

absl::Status SetLogLevel(AdminCall& call, const v1::SetLogLevelRequest& request,
                         v1::LogSetting* response) {
  const std::optional<LogSetting> setting = SettingOf(request, call.now_us);
  return MakeChange(
      call, ChangeOf(call, request), "log",
      [&](const OpenChange& open) { return PutLogSetting(open, setting); }, Answer, response);
}

absl::Status GetLogLevel(AdminCall& call, const v1::GetLogLevelRequest&, v1::LogSetting* response) {
  QP_ASSIGN_OR_RETURN(const std::optional<LogSetting> setting,
                      ReadLogSetting(*call.parts.database, call.now_us));
  Answer(setting, response);
  return absl::OkStatus();
}

}  // namespace quotaplane
