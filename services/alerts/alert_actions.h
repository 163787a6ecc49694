// Actions of alerts: what a rule wants done to a scope, put in force and taken back as changes of
// the control plane, so that each is on the audit log and reaches every replica.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "libs/alerts/alert.h"
#include "libs/control/changed.h"
#include "services/alerts/alert_parts.h"

namespace quotaplane {

// What a person's word on the alert `made->now` means for its action: one that was lifted ends in
// this change.
absl::Status EndLifted(AlertParts& parts, const OpenChange& open, Changed<Alert>* made);

// Puts in force what alerts want, and ends what is over or was lifted; each a change of its own, by
// "alert:A-17". `now_us` by the server's clock, `store_now_us` by the counter store's, which
// decides when a curb holds. True: there is more to do.
absl::StatusOr<bool> KeepActions(AlertParts& parts, int64_t now_us, int64_t store_now_us);

}  // namespace quotaplane
