// The statements behind InsertMany and AddMany. Names have been checked by CheckBatch: they need no
// quotes.
#pragma once

#include <string>
#include <string_view>

#include "libs/sql/database.h"

namespace quotaplane::sql {

// "a, b, c" of the columns from `first` to before `last`.
std::string ColumnList(const Batch& batch, size_t first, size_t last);
// "$1, $2, $3"
std::string ParameterList(size_t count);
// " ON CONFLICT (keys) DO UPDATE SET n = table.n + excluded.n, …"
std::string AddOnConflict(const Batch& batch, size_t key_columns);

}  // namespace quotaplane::sql
