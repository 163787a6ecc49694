// What SQLite's result codes mean.
#pragma once

#include <sqlite3.h>

#include <string_view>

#include "absl/status/status.h"

namespace quotaplane::sql {

// The error that `database` met last, by the code `code` of the call that met it (SQLITE_OK: OK).
absl::Status SqliteError(sqlite3* database, int code, std::string_view statement_name);

}  // namespace quotaplane::sql
