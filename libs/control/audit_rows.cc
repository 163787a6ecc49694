#include "libs/control/audit_rows.h"

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace quotaplane {

absl::Status AppendAudit(sql::Transaction& transaction, AuditRow row) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows head,
      transaction.Query({"audit head", "SELECT number, hash FROM audit_heads WHERE org = $1"},
                        {row.org}));
  int64_t last = 0;
  sql::Bytes hash;
  row.previous_hash = std::string(32, '\0');
  if (!head.empty()) {
    QP_RETURN_IF_ERROR(head[0].Read(last, hash));
    row.previous_hash = hash.data;
  }
  row.number = last + 1;
  row.hash = AuditHash(row);
  QP_RETURN_IF_ERROR(
      transaction
          .Execute({"audit row",
                    "INSERT INTO audit_log (org, number, at_us, actor, action, target, outcome, "
                    "reason, address, before_json, after_json, previous_hash, hash) VALUES ($1, "
                    "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"},
                   {row.org, row.number, row.at_us, row.actor, row.action, row.target, row.outcome,
                    row.reason, row.address, row.before, row.after, sql::Bytes{row.previous_hash},
                    sql::Bytes{row.hash}})
          .status());
  return transaction
      .Execute({"audit head",
                "INSERT INTO audit_heads (org, number, hash) VALUES ($1, $2, $3) ON CONFLICT "
                "(org) DO UPDATE SET number = excluded.number, hash = excluded.hash"},
               {row.org, row.number, sql::Bytes{row.hash}})
      .status();
}

std::string AuditOutcome(const absl::Status& status) {
  std::string outcome = absl::StatusCodeToString(status.code());
  if (const auto reason = ReasonOf(status)) absl::StrAppend(&outcome, " ", *reason);
  return outcome;
}

}  // namespace quotaplane
