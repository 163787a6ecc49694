// DIR/cursor: up to which position everything is acknowledged. One line of text with a check;
// replaced as a whole.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/spool/file_ops.h"

namespace quotaplane::spool {

// 0 where there is no cursor yet. DATA_LOSS where there is one that does not hold: then nothing
// counts as acknowledged, and records may come out once more.
absl::StatusOr<uint64_t> ReadCursor(FileOps& ops, const std::string& dir);
absl::Status WriteCursor(FileOps& ops, const std::string& dir, uint64_t acknowledged);

}  // namespace quotaplane::spool
