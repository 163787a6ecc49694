// Since when a limit's window counts.
#pragma once

#include <cstdint>

#include "libs/policy/policy.h"

namespace quotaplane {

// The first instant that counts in the window that `now_us` is in; `lifetime_us` for a lifetime.
int64_t WindowStartUs(const WindowSpec& window, int64_t now_us, int64_t lifetime_us);

}  // namespace quotaplane
