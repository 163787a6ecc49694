// What a database's error means to callers, beyond its code.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace quotaplane::sql {

// Five characters (PostgreSQL), or the extended result code in decimal (SQLite); empty where the
// error is none of the database's own.
std::string SqlStateOf(const absl::Status& status);
// The constraint that was violated: its name (PostgreSQL), or its columns as "table.a, table.b"
// (SQLite). Empty where there is none.
std::string ConstraintOf(const absl::Status& status);

// For the connections. `what` contains no values.
absl::Status DatabaseError(absl::StatusCode code, std::string_view statement_name,
                           std::string_view sqlstate, std::string_view what,
                           std::string_view constraint = {});

}  // namespace quotaplane::sql
