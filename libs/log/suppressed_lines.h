// How much of the log sampling leaves out (line_sampler.h): for metrics.
#pragma once

#include <cstdint>

#include "libs/log/log_level.h"

namespace quotaplane {

// Lines of that level that were not written since the process began. Thread-safe.
int64_t SuppressedLogLines(LogLevel level);

}  // namespace quotaplane
