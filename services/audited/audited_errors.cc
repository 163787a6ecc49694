#include "services/audited/audited_errors.h"

#include "libs/base/error.h"
#include "libs/log/log.h"

namespace quotaplane {

absl::Status DatabaseAway() {
  return ReasonedError(absl::StatusCode::kUnavailable, "LEDGER_UNAVAILABLE",
                       "the database is away");
}

absl::Status NoRoom() {
  return ReasonedError(absl::StatusCode::kResourceExhausted, "OVERLOADED",
                       "too much is waiting; retry with backoff");
}

absl::Status TooManyWatchers() {
  return ReasonedError(absl::StatusCode::kResourceExhausted, "TOO_MANY",
                       "as many watch already as this server has room for");
}

absl::Status ForCaller(const std::string& action, const absl::Status& status) {
  if (status.ok() || absl::IsCancelled(status) || ReasonOf(status).has_value() ||
      !FieldViolationsOf(status).empty() || absl::IsNotFound(status)) {
    return status;
  }
  LogError("{}: {}", action, status.ToString());
  switch (status.code()) {
    case absl::StatusCode::kResourceExhausted:
      return ReasonedError(status.code(), "OVERLOADED", "the database is overloaded");
    case absl::StatusCode::kDeadlineExceeded:
      return ReasonedError(status.code(), "LEDGER_TOO_SLOW", "the database took too long");
    case absl::StatusCode::kUnavailable:
      return DatabaseAway();
    case absl::StatusCode::kAborted:
      return ReasonedError(status.code(), "ADMIN_CONFLICT", "two calls met; try again");
    default:
      return absl::InternalError("the call failed; the server's log says more");
  }
}

bool IsRefusedRead(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status);
}

}  // namespace quotaplane
