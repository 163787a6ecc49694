// Tells synced receivers again what fires.
//
// An Alertmanager keeps what it was sent in memory, each alert until the time that it was sent with
// it. So what is open is sent again every few minutes, beside the queue: one that was restarted
// knows it again, and what it believes wrongly, since two messages overtook each other, ends within
// the hour.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/alerts/receivers.h"
#include "libs/sql/database.h"

namespace quotaplane {

// All alerts whose firing was told, to those of `receivers` that are synced and that they are
// routed to now, kSyncedAlerts at a time. A receiver that fails is left out from there on. Returns
// the first error, also of a receiver.
absl::Status SyncAlerts(sql::Session& session, const Receivers& receivers, int64_t now_us,
                        absl::Duration timeout, const std::atomic<bool>* stop);

}  // namespace quotaplane
