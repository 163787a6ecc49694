#include "libs/control/log_item.h"

#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane {

std::string EncodeLogSetting(const LogSetting& setting) {
  return absl::StrCat(AbslView(LogLevelName(setting.level)), " ", setting.until_us);
}

absl::StatusOr<LogSetting> DecodeLogSetting(std::string_view body) {
  const size_t space = body.find(' ');
  LogSetting setting;
  const std::optional<LogLevel> level = ParseLogLevel(body.substr(0, space));
  if (!level.has_value() || space == std::string_view::npos ||
      !absl::SimpleAtoi(AbslView(body.substr(space + 1)), &setting.until_us) ||
      setting.until_us < 0) {
    return absl::DataLossError("a control item is no level of logs");
  }
  setting.level = *level;
  return setting;
}

}  // namespace quotaplane
