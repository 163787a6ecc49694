#include "libs/sql/errors.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane::sql {
namespace {

constexpr char kSqlStateUrl[] = "quotaplane/sqlstate";
constexpr char kConstraintUrl[] = "quotaplane/sql_constraint";

std::string PayloadOf(const absl::Status& status, const char* url) {
  const auto payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace

std::string SqlStateOf(const absl::Status& status) { return PayloadOf(status, kSqlStateUrl); }

std::string ConstraintOf(const absl::Status& status) { return PayloadOf(status, kConstraintUrl); }

absl::Status DatabaseError(absl::StatusCode code, std::string_view statement_name,
                           std::string_view sqlstate, std::string_view what,
                           std::string_view constraint) {
  std::string message = absl::StrCat("SQL ", AbslView(statement_name), ": ", AbslView(what));
  if (!sqlstate.empty()) absl::StrAppend(&message, " (", AbslView(sqlstate), ")");
  absl::Status status(code, message);
  if (!sqlstate.empty()) status.SetPayload(kSqlStateUrl, absl::Cord(AbslView(sqlstate)));
  if (!constraint.empty()) status.SetPayload(kConstraintUrl, absl::Cord(AbslView(constraint)));
  return status;
}

}  // namespace quotaplane::sql
