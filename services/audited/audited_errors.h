// The errors that all services have which stand on the control plane's database.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace quotaplane {

absl::Status DatabaseAway();     // UNAVAILABLE, LEDGER_UNAVAILABLE
absl::Status NoRoom();           // RESOURCE_EXHAUSTED, OVERLOADED
absl::Status TooManyWatchers();  // RESOURCE_EXHAUSTED, TOO_MANY

// What a caller should know of an error of `action`; the rest goes into the log.
absl::Status ForCaller(const std::string& action, const absl::Status& status);

// Of reads, what the audit log is told.
bool IsRefusedRead(const absl::Status& status);

}  // namespace quotaplane
