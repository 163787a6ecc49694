// What PostgreSQL's errors mean.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace quotaplane::sql {

absl::StatusCode CodeOfSqlState(std::string_view sqlstate);

// An error reply: `message` is its primary message, which is kept only for classes of errors where
// it cannot quote a value; `constraint` may be empty.
absl::Status PostgresError(std::string_view statement_name, std::string_view sqlstate,
                           std::string_view message, std::string_view constraint);

}  // namespace quotaplane::sql
