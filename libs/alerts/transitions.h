// How an alert's row changes, and whether that is told: arithmetic over one row and the time.
//
// Each returns the event that receivers are to be told, if any, and has noted in the row then that
// they are. `now_us` is our clock. The caller sets numbers and sequences.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libs/alerts/alert_rows.h"
#include "libs/alerts/delivery_queue.h"

namespace quotaplane {

using Told = std::optional<NoticeEvent>;

// `silence`: the number of one that matches; 0: none does.

// A new one.
Told OpenAlert(AlertRow* row, const Signal& signal, int64_t silence, int64_t now_us);
// One that was resolved, and is told again within its hold-off.
Told ReopenAlert(AlertRow* row, const Signal& signal, int64_t silence, int64_t now_us);
// One that is open. `silence` counts where it fires again.
Told TellAlert(AlertRow* row, const Signal& signal, int64_t silence, int64_t now_us);
// One that is open; `by` a person, or empty.
Told ResolveAlert(AlertRow* row, const std::string& by, int64_t now_us);
// One that is firing or silenced.
void AcknowledgeAlert(AlertRow* row, const std::string& by, const std::string& comment,
                      int64_t now_us);
// One that is firing.
void SilenceAlert(AlertRow* row, int64_t silence);
// One that was silenced, or whose notify_at_us has come.
Told FireAlert(AlertRow* row, int64_t now_us);

}  // namespace quotaplane
