// Brings a database's schema to what this program knows, and says whether a program works with one
// that is newer. Migrations are the files of migrations/, compiled in.
//
// A program is of the version of the newest schema that it knows. Which programs work with a schema
// is decided by whoever writes a migration, and stands in the database: an older program cannot
// know. So old and new ones may run side by side, and an upgrade can be taken back, as long as
// nothing was applied that the old ones cannot work with.
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

// The oldest program that works with what the migration makes, by its version: the line
// "-- works from: 8" of the file says so. Without one it is the migration's own version, so that no
// program works with a migration that it does not know and that says nothing.
int WorksFrom(const Migration& migration);

struct Schema {
  int version = 0;     // of the last migration applied; 0: none
  int works_from = 0;  // the oldest program that works with all of them
  std::span<const Migration> missing;
};

// What Migrate would find and do; changes nothing. Errors are Migrate's.
absl::StatusOr<Schema> ReadSchema(Session& session, std::span<const Migration> migrations);
absl::StatusOr<Schema> ReadSchema(Session& session);

// Applies what is missing, in order, each in a transaction of its own together with its rows in
// schema_migrations (version, name, checksum, applied_at_us) and schema_works_from (version,
// works_from). Where two start at once, one waits for the other, up to ten minutes. A schema that
// is newer than `migrations`, and works with a program that knows these, is left as it is.
//
// PostgreSQL: a migration that waits for a table holds up whoever comes after it, so it waits for
// two seconds at most, lets the others go first, and tries again, for ten minutes in all.
//
// FAILED_PRECONDITION: the database has a newer schema that does not work with such a program, or
// one whose migration was another; nothing is changed then. Other errors are the database's, with
// the migration's name; what was applied before it stays.
absl::Status Migrate(Database& database, std::span<const Migration> migrations);
absl::Status Migrate(Database& database);

}  // namespace quotaplane::sql
