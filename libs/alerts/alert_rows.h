// Rows of alerts and of the head that orders their changes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/alerts/alert.h"
#include "libs/base/hash.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct AlertRow {
  Alert alert;
  bool told_firing = false;  // by the last message about it
  int64_t notify_at_us = 0;  // it fires untold until then; 0: it does not
  int64_t feedback_sequence = 0;
};

Digest AlertKeyDigest(const Signal& signal);
Digest OccurrenceDigest(const Signal& signal);

// The last numbers that were given. Held by one transaction at a time.
struct AlertHead {
  int64_t sequence = 0;
  int64_t alert = 0;
  int64_t message = 0;
  int64_t silence = 0;
};
absl::StatusOr<AlertHead> LockAlertHead(sql::Transaction& transaction);
absl::Status SaveAlertHead(sql::Transaction& transaction, const AlertHead& head);

// "SELECT columns FROM alerts " + `rest`, a WHERE and what follows, by $1, $2 … of `parameters`.
absl::StatusOr<std::vector<AlertRow>> ReadAlertRows(sql::Session& session, std::string_view rest,
                                                    absl::Span<const sql::Value> parameters);
absl::Status InsertAlertRows(sql::Transaction& transaction, absl::Span<const AlertRow* const> rows);
// All but what never changes.
absl::Status UpdateAlertRow(sql::Transaction& transaction, const AlertRow& row);

// "($N, $N+1, …)" for `values`, which are appended to the parameters. Filled up to one of a few
// lengths by repeating the last value, so that there are few texts of statements. `values` is not
// empty.
std::string InList(absl::Span<const sql::Value> values, std::vector<sql::Value>* parameters);

}  // namespace quotaplane
