// Waiting for what announces itself to nobody: the state of another process that can only be asked
// for.
#pragma once

#include <functional>

#include "absl/time/time.h"

namespace quotaplane::fixtures {

// Asks `done` every few milliseconds until it says yes (true) or `timeout` has passed (false).
// Where there is an event to wait for, wait for that instead.
bool PollUntil(absl::Duration timeout, const std::function<bool()>& done);

}  // namespace quotaplane::fixtures
