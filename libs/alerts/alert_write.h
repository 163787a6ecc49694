// What all writes of alerts have in common: the head's lock, sequences, and the messages that come
// of it.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/alerts/alert_rows.h"
#include "libs/alerts/message_rows.h"
#include "libs/alerts/receivers.h"
#include "libs/alerts/transitions.h"
#include "libs/base/status_macros.h"
#include "libs/sql/database.h"

namespace quotaplane {

class AlertWrite {
 public:
  // Waits for the writers before it.
  static absl::StatusOr<AlertWrite> Begin(sql::Transaction& transaction) {
    QP_ASSIGN_OR_RETURN(const AlertHead head, LockAlertHead(transaction));
    return AlertWrite(&transaction, head);
  }

  sql::Transaction& transaction() { return *transaction_; }
  AlertHead& head() { return head_; }

  // The row has changed, and that is told if `told`.
  void Tell(const AlertRow& row, Told told) {
    if (told.has_value()) notices_.push_back({row.alert, *told});
  }
  absl::Status Update(AlertRow* row) {
    row->alert.sequence = ++head_.sequence;
    return UpdateAlertRow(*transaction_, *row);
  }
  // Puts the messages into the queue. Nothing after it.
  absl::Status Finish(const Receivers& receivers, int64_t now_us) {
    QP_RETURN_IF_ERROR(EnqueueNotices(*transaction_, receivers, notices_, now_us, &head_));
    return SaveAlertHead(*transaction_, head_);
  }

 private:
  AlertWrite(sql::Transaction* transaction, const AlertHead& head)
      : transaction_(transaction), head_(head) {}

  sql::Transaction* transaction_;
  AlertHead head_;
  std::vector<Notice> notices_;
};

// The alert of that number and org. NOT_FOUND.
absl::StatusOr<AlertRow> ReadAlertRow(sql::Session& session, const std::optional<std::string>& org,
                                      int64_t number);

}  // namespace quotaplane
