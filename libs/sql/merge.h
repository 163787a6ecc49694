// Rows with the same key, added up.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "libs/sql/database.h"

namespace quotaplane::sql {

// `batch` as one row per key, in ascending order of keys. The first `key_columns` columns are the
// key, the others integers. OUT_OF_RANGE where a sum does not fit into int64. Views are those of
// `batch`, which has been checked by CheckAdd.
//
// PostgreSQL refuses to touch a row twice in one statement, and statements that touch rows in
// different orders deadlock; SQLite gains by the smaller number of rows.
absl::StatusOr<Batch> MergeByKey(const Batch& batch, size_t key_columns);

}  // namespace quotaplane::sql
