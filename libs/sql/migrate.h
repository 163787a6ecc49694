// Brings a database's schema to what this binary knows. Migrations are the files of migrations/,
// compiled in.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/sql/database.h"

namespace quotaplane::sql {

struct Migration {
  int version = 0;        // 1, 2, 3, … without gaps
  std::string_view name;  // "0001_ledger"
  std::string_view sql;
};

// Those of migrations/postgres or migrations/sqlite, in order.
std::span<const Migration> MigrationsFor(Dialect dialect);

// What schema_migrations keeps of a migration: 32 hexadecimal digits.
std::string ChecksumOf(const Migration& migration);

// Applies what is missing, in order, each in a transaction of its own together with its row in
// schema_migrations (version, name, checksum, applied_at_us). Where two start at once, one waits
// for the other, up to ten minutes. FAILED_PRECONDITION: the database has a newer schema than
// `migrations`, or one whose migration was another; nothing is changed then. Other errors are the
// database's, with the migration's name; what was applied before it stays.
absl::Status Migrate(Database& database, std::span<const Migration> migrations);
absl::Status Migrate(Database& database);

// The number of the last migration applied; 0 for an empty database.
absl::StatusOr<int> SchemaVersion(Session& session);

}  // namespace quotaplane::sql
