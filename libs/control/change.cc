#include "libs/control/change.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/control/audit_json.h"
#include "libs/control/audit_rows.h"
#include "libs/control/change_rows.h"
#include "libs/log/log.h"
#include "libs/sql/errors.h"

namespace quotaplane {
namespace {

constexpr int kAttempts = 5;
constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxTextBytes = 1'000;

// Another transaction was in the way; not what the work itself calls ABORTED.
bool IsConflict(const absl::Status& status) {
  return absl::IsAborted(status) && !ReasonOf(status).has_value();
}

bool IsRefusal(const absl::Status& status) {
  if (!sql::SqlStateOf(status).empty() || IsConflict(status)) return false;
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnknown:
      return false;
    case absl::StatusCode::kResourceExhausted:
      return ReasonOf(status).has_value();  // otherwise the pool's
    default:
      return true;
  }
}

AuditRow RowOf(const ChangeRequest& request) {
  AuditRow row;
  row.org = request.org;
  row.at_us = request.now_us;
  row.actor = request.actor;
  row.action = request.action;
  row.reason = request.reason;
  row.address = request.address;
  return row;
}

AuditRow RowOfRefusal(const ChangeRequest& request, std::string_view target,
                      const absl::Status& refusal) {
  AuditRow row;
  row.org = PrintableText(request.org, kMaxNameBytes);
  row.at_us = request.now_us;
  row.actor = PrintableText(request.actor, kMaxTextBytes);
  row.action = PrintableText(request.action, kMaxNameBytes);
  row.target = PrintableText(target, kMaxTextBytes);
  row.outcome = AuditOutcome(refusal);
  row.reason = PrintableText(request.reason, kMaxTextBytes);
  row.address = PrintableText(request.address, kMaxTextBytes);
  row.after = AuditJson({{"error", PrintableText(std::string(refusal.message()), kMaxTextBytes)}});
  return row;
}

}  // namespace

Changes::Changes(sql::Database* database, std::function<void()> published)
    : database_(database), published_(std::move(published)) {}

absl::StatusOr<ChangeOutcome> Changes::Make(const ChangeRequest& request, std::string_view target,
                                            Work work) {
  absl::Status failed;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    bool published = false;
    absl::StatusOr<ChangeOutcome> outcome = MakeOnce(request, work, &published);
    if (outcome.ok()) {
      if (published && published_) published_();
      return outcome;
    }
    failed = outcome.status();
    if (!IsConflict(failed)) break;
  }
  if (IsConflict(failed)) {
    return ReasonedError(absl::StatusCode::kAborted, "ADMIN_CONFLICT",
                         "other changes were in the way all the time; try again");
  }
  if (IsRefusal(failed)) {
    AuditRefusal(request, target, failed);
  } else {
    LogError("control: {} of {} by {} could not be carried out, or it is not known: {}",
             request.action, std::string(target), request.actor, failed.ToString());
  }
  return failed;
}

absl::StatusOr<ChangeOutcome> Changes::MakeOnce(const ChangeRequest& request, Work work,
                                                bool* published) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database_->Begin());
  QP_ASSIGN_OR_RETURN(const int64_t number, LockForChange(*transaction));
  QP_ASSIGN_OR_RETURN(std::optional<std::string> before, FindAnswer(*transaction, request));
  if (before.has_value()) return ChangeOutcome{*std::move(before), true};
  QP_ASSIGN_OR_RETURN(ChangeRecord record, work(*transaction, number));
  QP_RETURN_IF_ERROR(WriteItems(*transaction, number, record.items));
  QP_RETURN_IF_ERROR(RememberAnswer(*transaction, request, record.answer));
  AuditRow row = RowOf(request);
  row.target = std::move(record.target);
  row.outcome = AuditOutcome(absl::OkStatus());
  row.before = std::move(record.before);
  row.after = std::move(record.after);
  const int64_t missing = budget_.TakeMissing(request.org);
  absl::Status written = Audit(*transaction, std::move(row), missing);
  if (written.ok()) written = transaction->Commit();
  if (!written.ok()) {
    budget_.GiveBack(request.org, missing);
    return written;
  }
  *published = !record.items.empty();
  return ChangeOutcome{std::move(record.answer), false};
}

absl::Status Changes::Reanswer(const ChangeRequest& request, const std::string& answer) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database_->Begin());
  QP_RETURN_IF_ERROR(ReplaceAnswer(*transaction, request, answer));
  return transaction->Commit();
}

absl::Status Changes::Audit(sql::Transaction& transaction, AuditRow row, int64_t missing) {
  if (missing > 0) {
    AuditRow gap;
    gap.org = row.org;
    gap.at_us = row.at_us;
    gap.actor = "quotaplane";
    gap.action = "RefusalsNotListed";
    gap.target = "audit";
    gap.outcome = AuditOutcome(absl::OkStatus());
    gap.after = AuditJson({{"refusals", absl::StrCat(missing)}});
    QP_RETURN_IF_ERROR(AppendAudit(transaction, std::move(gap)));
  }
  return AppendAudit(transaction, std::move(row));
}

void Changes::AuditRefusal(const ChangeRequest& request, std::string_view target,
                           const absl::Status& refusal) {
  if (AdmitRefusal(request, refusal)) WriteRefusal(request, target, refusal);
}

bool Changes::AdmitRefusal(const ChangeRequest& request, const absl::Status& refusal) {
  return IsRefusal(refusal) &&
         budget_.Take(PrintableText(request.org, kMaxNameBytes),
                      PrintableText(request.actor, kMaxTextBytes), request.now_us);
}

void Changes::DropRefusal(const ChangeRequest& request) {
  budget_.GiveBack(PrintableText(request.org, kMaxNameBytes), 1);
}

void Changes::WriteRefusal(const ChangeRequest& request, std::string_view target,
                           const absl::Status& refusal) {
  AuditRow row = RowOfRefusal(request, target, refusal);
  const std::string org = row.org;
  const int64_t missing = budget_.TakeMissing(org);
  const auto write = [&]() -> absl::Status {
    QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database_->Begin());
    QP_RETURN_IF_ERROR(LockForRefusal(*transaction));
    QP_RETURN_IF_ERROR(Audit(*transaction, row, missing));
    return transaction->Commit();
  };
  absl::Status written = write();
  for (int attempt = 1; attempt < kAttempts && IsConflict(written); ++attempt) written = write();
  if (written.ok()) return;
  budget_.GiveBack(org, missing + 1);
  LogError("control: the refusal of {} by {} ({}) is not in the audit log: {}", row.action,
           row.actor, row.outcome, written.ToString());
}

}  // namespace quotaplane
