// The level of the logs in the database, where it is nothing but its item (log_item.h).
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "libs/control/changed.h"
#include "libs/control/log_item.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Of an end, from now; debug, which logs each call, has one, and a nearer one.
inline constexpr int64_t kMaxLogSettingUs = int64_t{7} * 24 * 3'600 * 1'000'000;
inline constexpr int64_t kMaxDebugUs = int64_t{24} * 3'600 * 1'000'000;

// The one in force; nothing: there is none, or it has ended.
absl::StatusOr<std::optional<LogSetting>> ReadLogSetting(sql::Session& session, int64_t now_us);

// In place of the one there was; nothing takes it away. A part of a change. INVALID_ARGUMENT: its
// end is not ahead, or too far.
absl::StatusOr<Changed<std::optional<LogSetting>>> PutLogSetting(
    const OpenChange& change, const std::optional<LogSetting>& setting);

}  // namespace quotaplane
