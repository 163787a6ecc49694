// What is refused before a database sees it, so that both refuse the same.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/sql/database.h"

namespace quotaplane::sql {

// UTF-8 as PostgreSQL takes it: no NUL, no surrogates, nothing overlong, nothing past U+10FFFF.
bool IsText(std::string_view text);

// INVALID_ARGUMENT, naming the parameter by its number.
absl::Status CheckParameters(const Statement& statement, absl::Span<const Value> parameters);

// INVALID_ARGUMENT, naming the column and row.
absl::Status CheckBatch(const Batch& batch);
// The options of InsertMany, and the keys of AddMany.
absl::Status CheckInsert(const Batch& batch, const InsertOptions& options);
absl::Status CheckAdd(const Batch& batch, size_t key_columns);

}  // namespace quotaplane::sql
