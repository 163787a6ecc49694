#include "libs/sql/bulk_sql.h"

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane::sql {

std::string ColumnList(const Batch& batch, size_t first, size_t last) {
  std::string list;
  for (size_t i = first; i < last; ++i) {
    absl::StrAppend(&list, i == first ? "" : ", ", AbslView(batch.columns[i].name));
  }
  return list;
}

std::string ParameterList(size_t count) {
  std::string list;
  for (size_t i = 1; i <= count; ++i) absl::StrAppend(&list, i == 1 ? "$" : ", $", i);
  return list;
}

std::string AddOnConflict(const Batch& batch, size_t key_columns) {
  std::string clause =
      absl::StrCat(" ON CONFLICT (", ColumnList(batch, 0, key_columns), ") DO UPDATE SET ");
  for (size_t i = key_columns; i < batch.columns.size(); ++i) {
    const absl::string_view name = AbslView(batch.columns[i].name);
    absl::StrAppend(&clause, i == key_columns ? "" : ", ", name, " = ", AbslView(batch.table), ".",
                    name, " + excluded.", name);
  }
  return clause;
}

}  // namespace quotaplane::sql
