#include "libs/ledger/audit.h"

#include "libs/base/status_macros.h"
#include "libs/ledger/ledger_rows.h"

namespace quotaplane {

std::string AuditDetail(const std::vector<std::pair<std::string, std::string>>& fields) {
  return LabelsJson(fields);
}

absl::Status WriteAudit(sql::Session& session, const AuditRecord& record) {
  return session
      .Execute({"audit",
                "INSERT INTO ledger_audit (at_us, actor, action, org, detail) VALUES ($1, $2, $3, "
                "$4, $5)"},
               {record.at_us, record.actor, record.action, record.org, record.detail})
      .status();
}

absl::StatusOr<std::vector<AuditRecord>> ReadAudit(sql::Session& session, std::string_view org,
                                                   int64_t from_us, int64_t to_us, int most) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"audit",
                     "SELECT at_us, actor, action, org, detail FROM ledger_audit WHERE org IN ($1, "
                     "'') AND at_us >= $2 AND at_us < $3 ORDER BY at_us DESC, id DESC LIMIT $4"},
                    {org, from_us, to_us, most}));
  std::vector<AuditRecord> records(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    AuditRecord& r = records[i];
    QP_RETURN_IF_ERROR(rows[i].Read(r.at_us, r.actor, r.action, r.org, r.detail));
  }
  return records;
}

}  // namespace quotaplane
