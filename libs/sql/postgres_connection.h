// PostgreSQL, as a Connection.
#pragma once

#include "absl/status/statusor.h"
#include "libs/sql/database.h"
#include "libs/sql/pool.h"

namespace quotaplane::sql {

// INVALID_ARGUMENT: the URL is none. Connects to nothing yet.
absl::StatusOr<Pool::Connect> PostgresConnector(const DatabaseOptions& options);

}  // namespace quotaplane::sql
