#include "libs/control/audit_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(200);

}  // namespace

absl::StatusOr<std::vector<AuditRow>> AuditLog::Read(const AuditQuery& query, size_t most) const {
  std::string sql =
      "SELECT org, number, at_us, actor, action, target, outcome, reason, address, before_json, "
      "after_json, previous_hash, hash FROM audit_log WHERE org = $1 AND number > $2";
  const int64_t limit = static_cast<int64_t>(std::min(most, kMaxPageRows));
  std::vector<sql::Value> parameters = {query.org, query.after_number, limit};
  const std::pair<const char*, const std::string*> filters[] = {
      {"actor", &query.actor}, {"action", &query.action}, {"target", &query.target}};
  for (const auto& [column, value] : filters) {
    if (value->empty()) continue;
    parameters.emplace_back(*value);
    absl::StrAppend(&sql, " AND ", column, " = $", parameters.size());
  }
  absl::StrAppend(&sql, " ORDER BY number LIMIT $3");
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, database_->Query({"audit rows", sql}, parameters));
  std::vector<AuditRow> found(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    AuditRow& row = found[i];
    sql::Bytes previous_hash, hash;
    QP_RETURN_IF_ERROR(rows[i].Read(row.org, row.number, row.at_us, row.actor, row.action,
                                    row.target, row.outcome, row.reason, row.address, row.before,
                                    row.after, previous_hash, hash));
    row.previous_hash = previous_hash.data;
    row.hash = hash.data;
  }
  return found;
}

absl::StatusOr<AuditHead> AuditLog::Head(std::string_view org) const {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      database_->Query({"audit head", "SELECT number, hash FROM audit_heads WHERE org = $1"},
                       {org}));
  AuditHead head;
  if (rows.empty()) return head;
  sql::Bytes hash;
  QP_RETURN_IF_ERROR(rows[0].Read(head.number, hash));
  head.hash = hash.data;
  return head;
}

absl::StatusOr<bool> AuditLog::WaitForRows(std::string_view org, int64_t after_number,
                                           absl::Time deadline) const {
  while (true) {
    QP_ASSIGN_OR_RETURN(const AuditHead head, Head(org));
    if (head.number > after_number) return true;
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    absl::SleepFor(std::min(left, kPause));
  }
}

}  // namespace quotaplane
