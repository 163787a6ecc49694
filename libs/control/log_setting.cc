#include "libs/control/log_setting.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/control/store_rules.h"

namespace quotaplane {
namespace {

std::string Json(const std::optional<LogSetting>& setting) {
  if (!setting.has_value()) return "";
  std::string json = absl::StrCat(R"({"level":")", AbslView(LogLevelName(setting->level)), "\"");
  if (setting->until_us != 0) {
    absl::StrAppend(&json, R"(,"until":")", FormatUtc(setting->until_us), "\"");
  }
  return json + "}";
}

absl::Status CheckEnd(const LogSetting& setting, int64_t now_us) {
  const bool debug = setting.level == LogLevel::kDebug;
  if (setting.until_us == 0) {
    if (!debug) return absl::OkStatus();
    return FieldError({{"seconds", "must be given for debug, which logs each call: 1 to 86,400"}});
  }
  const int64_t most_us = debug ? kMaxDebugUs : kMaxLogSettingUs;
  if (setting.until_us > now_us && setting.until_us - now_us <= most_us) return absl::OkStatus();
  return FieldError({{"seconds", absl::StrCat("must be from 1 to ", most_us / 1'000'000)}});
}

}  // namespace

absl::StatusOr<std::optional<LogSetting>> ReadLogSetting(sql::Session& session, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"log setting", "SELECT body FROM control_items WHERE name = $1"},
                    {std::string(kLogItemName)}));
  if (rows.empty() || rows[0][0].bytes().empty()) return std::nullopt;
  QP_ASSIGN_OR_RETURN(const LogSetting setting, DecodeLogSetting(rows[0][0].bytes()));
  if (setting.until_us != 0 && setting.until_us <= now_us) return std::nullopt;
  return setting;
}

absl::StatusOr<Changed<std::optional<LogSetting>>> PutLogSetting(
    const OpenChange& change, const std::optional<LogSetting>& setting) {
  const int64_t now_us = change.request.now_us;
  if (setting.has_value()) QP_RETURN_IF_ERROR(CheckEnd(*setting, now_us));
  QP_ASSIGN_OR_RETURN(const std::optional<LogSetting> before,
                      ReadLogSetting(change.transaction, now_us));
  Changed<std::optional<LogSetting>> changed;
  changed.now = setting;
  changed.record.target = "log";
  changed.record.before = Json(before);
  changed.record.after = Json(setting);
  changed.record.items.push_back(
      {std::string(kLogItemName), setting.has_value() ? EncodeLogSetting(*setting) : ""});
  return changed;
}

}  // namespace quotaplane
