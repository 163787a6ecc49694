// Notices of alerts go into messages: the grouping (alert_store.h has the rules).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "libs/alerts/alert_rows.h"
#include "libs/alerts/delivery_queue.h"
#include "libs/alerts/receivers.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct Notice {
  Alert alert;  // as it is told
  NoticeEvent event = NoticeEvent::kFiring;
};

// Under the head's lock. `notices` are told in their order.
absl::Status EnqueueNotices(sql::Transaction& transaction, const Receivers& receivers,
                            const std::vector<Notice>& notices, int64_t now_us, AlertHead* head);

}  // namespace quotaplane
