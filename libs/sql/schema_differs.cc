#include "libs/sql/schema_differs.h"

#include <string>

#include "libs/sql/errors.h"

namespace quotaplane::sql {

bool SchemaDiffers(const absl::Status& status) {
  if (!absl::IsInvalidArgument(status)) return false;
  const std::string state = SqlStateOf(status);
  // PostgreSQL: undefined_table, undefined_column and their class; not_null_violation. SQLite:
  // SQLITE_ERROR; SQLITE_CONSTRAINT_NOTNULL.
  return (state.size() == 5 && state.starts_with("42")) || state == "23502" || state == "1" ||
         state == "1299";
}

}  // namespace quotaplane::sql
