#include "libs/sql/migrate.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"
#include "libs/base/hash.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"
#include "libs/sql/errors.h"
#include "migrations.inc"

namespace quotaplane::sql {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(10);
// Of the advisory lock; a number that nobody else takes.
constexpr int64_t kLock = 0x5155'4f54'4d49'4752;

constexpr absl::Duration kLetOthersGo = absl::Seconds(1);
constexpr absl::string_view kWorksFrom = "-- works from: ";

// Two tables, since programs that know nothing of the second fill the first, column by column.
constexpr std::string_view kCreateTables =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, "
    "applied_at_us BIGINT NOT NULL); "
    "CREATE TABLE IF NOT EXISTS schema_works_from ("
    "version BIGINT NOT NULL PRIMARY KEY, works_from BIGINT NOT NULL)";

// Whoever comes second waits, and then finds what the first one has done. A SQLite transaction that
// writes has the database's only lock for writers from its beginning; in WAL mode BEGIN EXCLUSIVE
// is no more than that.
absl::StatusOr<std::unique_ptr<Transaction>> BeginAlone(Database& database) {
  QP_ASSIGN_OR_RETURN(auto transaction, database.Begin());
  if (database.dialect() == Dialect::kPostgres) {
    QP_RETURN_IF_ERROR(
        transaction
            ->Query({"migration lock", "SELECT pg_advisory_xact_lock($1)", kTimeout}, {kLock})
            .status());
  }
  return transaction;
}

absl::StatusOr<bool> TableExists(Session& session, std::string_view table) {
  const Statement exists =
      session.dialect() == Dialect::kPostgres
          ? Statement{"table exists",
                      "SELECT CAST(to_regclass(CAST($1 AS TEXT)) IS NOT NULL AS INT)"}
          : Statement{"table exists", "SELECT COUNT(*) FROM sqlite_master WHERE name = $1"};
  QP_ASSIGN_OR_RETURN(const Rows found, session.Query(exists, {table}));
  int64_t count = 0;
  QP_RETURN_IF_ERROR(found[0].Read(count));
  return count != 0;
}

// (version, name, checksum, works_from): the last NULL where the migration, or the program that
// applied it, said nothing of it.
absl::StatusOr<Rows> Applied(Session& session) {
  QP_ASSIGN_OR_RETURN(const bool any, TableExists(session, "schema_migrations"));
  if (!any) return Rows();
  QP_ASSIGN_OR_RETURN(const bool said, TableExists(session, "schema_works_from"));
  return session.Query(
      {"applied migrations",
       said ? "SELECT m.version, m.name, m.checksum, w.works_from FROM schema_migrations m LEFT "
              "JOIN schema_works_from w ON w.version = m.version ORDER BY m.version"
            : "SELECT version, name, checksum, CAST(NULL AS BIGINT) FROM schema_migrations ORDER "
              "BY version"});
}

absl::Status CheckSame(const Migration& known, std::string_view name, std::string_view checksum) {
  if (checksum == ChecksumOf(known)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("migration ", AbslView(known.name),
                   " was changed after it was applied to this database ", "(as ", AbslView(name),
                   "): checksum ", AbslView(checksum), " there, ", ChecksumOf(known), " here"));
}

// What `applied` is to a program that knows `migrations`.
absl::StatusOr<Schema> SchemaOf(std::span<const Migration> migrations, const Rows& applied) {
  Schema schema;
  for (size_t i = 0; i < applied.size(); ++i) {
    int64_t version = 0;
    std::string_view name, checksum;
    std::optional<int64_t> works_from;
    QP_RETURN_IF_ERROR(applied[i].Read(version, name, checksum, works_from));
    if (version != static_cast<int64_t>(i) + 1) {
      return absl::FailedPreconditionError(
          absl::StrCat("the database lacks migration ", i + 1, " but has ", version));
    }
    if (i < migrations.size()) QP_RETURN_IF_ERROR(CheckSame(migrations[i], name, checksum));
    schema.version = static_cast<int>(version);
    schema.works_from = std::max(schema.works_from, static_cast<int>(works_from.value_or(version)));
  }
  const int known = static_cast<int>(migrations.size());
  if (schema.version > known && schema.works_from > known) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the database has schema version ", schema.version, ", which needs a program of version ",
        schema.works_from, " or later; this one is of version ", known,
        ": start a newer one, or restore the database's backup of before the upgrade"));
  }
  schema.missing = migrations.subspan(std::min(applied.size(), migrations.size()));
  return schema;
}

absl::Status Record(Transaction& transaction, const Migration& migration) {
  QP_RETURN_IF_ERROR(transaction
                         .Execute({"record migration",
                                   "INSERT INTO schema_migrations (version, name, checksum, "
                                   "applied_at_us) VALUES ($1, $2, $3, $4)"},
                                  {migration.version, migration.name, ChecksumOf(migration),
                                   absl::GetCurrentTimeNanos() / 1000})
                         .status());
  return transaction
      .Execute({"record what works with it",
                "INSERT INTO schema_works_from (version, works_from) VALUES ($1, $2)"},
               {migration.version, WorksFrom(migration)})
      .status();
}

// True: one was applied, and there may be more.
absl::StatusOr<bool> ApplyNext(Database& database, std::span<const Migration> migrations) {
  QP_ASSIGN_OR_RETURN(const auto transaction, BeginAlone(database));
  QP_RETURN_IF_ERROR(transaction->RunScript({"schema_migrations", kCreateTables}));
  QP_ASSIGN_OR_RETURN(const Rows applied, Applied(*transaction));
  QP_ASSIGN_OR_RETURN(const Schema schema, SchemaOf(migrations, applied));
  if (schema.version > static_cast<int>(migrations.size())) {
    LogWarning(
        "the database has schema version {}, newer than this program's {}, which works with it",
        schema.version, migrations.size());
  }
  if (schema.missing.empty()) return false;
  const Migration& next = schema.missing.front();
  if (database.dialect() == Dialect::kPostgres) {
    QP_RETURN_IF_ERROR(transaction->RunScript({"lock timeout", "SET LOCAL lock_timeout = '2s'"}));
  }
  QP_RETURN_IF_ERROR(transaction->RunScript({next.name, next.sql, kTimeout}));
  QP_RETURN_IF_ERROR(Record(*transaction, next));
  QP_RETURN_IF_ERROR(transaction->Commit());
  return true;
}

// Others use its tables: lock_not_available, deadlock_detected.
bool OthersWereInTheWay(const absl::Status& status) {
  const std::string state = SqlStateOf(status);
  return state == "55P03" || state == "40P01";
}

}  // namespace

std::span<const Migration> MigrationsFor(Dialect dialect) {
  if (dialect == Dialect::kPostgres) return kPostgresMigrations;
  return kSqliteMigrations;
}

std::string ChecksumOf(const Migration& migration) {
  return absl::BytesToHexString(AbslView(HashOf(migration.sql).view()));
}

int WorksFrom(const Migration& migration) {
  for (const absl::string_view line : absl::StrSplit(AbslView(migration.sql), '\n')) {
    absl::string_view said = line;
    int version = 0;
    if (absl::ConsumePrefix(&said, kWorksFrom) && absl::SimpleAtoi(said, &version) &&
        version >= 1 && version <= migration.version) {
      return version;
    }
  }
  return migration.version;
}

absl::StatusOr<Schema> ReadSchema(Session& session, std::span<const Migration> migrations) {
  QP_ASSIGN_OR_RETURN(const Rows applied, Applied(session));
  return SchemaOf(migrations, applied);
}

absl::StatusOr<Schema> ReadSchema(Session& session) {
  return ReadSchema(session, MigrationsFor(session.dialect()));
}

absl::Status Migrate(Database& database, std::span<const Migration> migrations) {
  const absl::Time give_up = absl::Now() + kTimeout;
  for (;;) {
    const absl::StatusOr<bool> applied = ApplyNext(database, migrations);
    if (applied.ok() && !*applied) return absl::OkStatus();
    if (applied.ok()) continue;
    if (!OthersWereInTheWay(applied.status()) || absl::Now() > give_up) return applied.status();
    absl::SleepFor(kLetOthersGo);
  }
}

absl::Status Migrate(Database& database) {
  return Migrate(database, MigrationsFor(database.dialect()));
}

}  // namespace quotaplane::sql
