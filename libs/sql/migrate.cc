#include "libs/sql/migrate.h"

#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/absl_view.h"
#include "libs/base/hash.h"
#include "libs/base/status_macros.h"
#include "migrations.inc"

namespace quotaplane::sql {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(10);
// Of the advisory lock; a number that nobody else takes.
constexpr int64_t kLock = 0x5155'4f54'4d49'4752;

constexpr std::string_view kCreateTable =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, "
    "applied_at_us BIGINT NOT NULL)";

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

absl::Status Check(std::span<const Migration> migrations, const Rows& applied) {
  for (size_t i = 0; i < applied.size(); ++i) {
    int64_t version = 0;
    std::string_view name, checksum;
    QP_RETURN_IF_ERROR(applied[i].Read(version, name, checksum));
    if (i >= migrations.size()) {
      int64_t newest = 0;
      QP_RETURN_IF_ERROR(applied[applied.size() - 1].Read(newest, name, checksum));
      return absl::FailedPreconditionError(absl::StrCat("the database has schema version ", newest,
                                                        "; this binary knows up to ",
                                                        migrations.size(), ": start a newer one"));
    }
    const Migration& known = migrations[i];
    if (version != known.version) {
      return absl::FailedPreconditionError(
          absl::StrCat("the database lacks migration ", known.version, " but has ", version));
    }
    if (checksum != ChecksumOf(known)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "migration ", AbslView(known.name), " was changed after it was applied to this database ",
          "(as ", AbslView(name), "): checksum ", AbslView(checksum), " there, ", ChecksumOf(known),
          " here"));
    }
  }
  return absl::OkStatus();
}

// True: one was applied, and there may be more.
absl::StatusOr<bool> ApplyNext(Database& database, std::span<const Migration> migrations) {
  QP_ASSIGN_OR_RETURN(const auto transaction, BeginAlone(database));
  QP_RETURN_IF_ERROR(transaction->Execute({"schema_migrations", kCreateTable}).status());
  QP_ASSIGN_OR_RETURN(
      const Rows applied,
      transaction->Query(
          {"applied migrations",
           "SELECT version, name, checksum FROM schema_migrations ORDER BY version"}));
  QP_RETURN_IF_ERROR(Check(migrations, applied));
  if (applied.size() == migrations.size()) return false;
  const Migration& next = migrations[applied.size()];
  QP_RETURN_IF_ERROR(transaction->RunScript({next.name, next.sql, kTimeout}));
  QP_RETURN_IF_ERROR(
      transaction
          ->Execute({"record migration", "INSERT INTO schema_migrations VALUES ($1, $2, $3, $4)"},
                    {next.version, next.name, ChecksumOf(next), absl::GetCurrentTimeNanos() / 1000})
          .status());
  QP_RETURN_IF_ERROR(transaction->Commit());
  return true;
}

}  // namespace

std::span<const Migration> MigrationsFor(Dialect dialect) {
  if (dialect == Dialect::kPostgres) return kPostgresMigrations;
  return kSqliteMigrations;
}

std::string ChecksumOf(const Migration& migration) {
  return absl::BytesToHexString(AbslView(HashOf(migration.sql).view()));
}

absl::Status Migrate(Database& database, std::span<const Migration> migrations) {
  for (;;) {
    QP_ASSIGN_OR_RETURN(const bool applied, ApplyNext(database, migrations));
    if (!applied) return absl::OkStatus();
  }
}

absl::Status Migrate(Database& database) {
  return Migrate(database, MigrationsFor(database.dialect()));
}

absl::StatusOr<int> SchemaVersion(Session& session) {
  const Statement exists =
      session.dialect() == Dialect::kPostgres
          ? Statement{"schema_migrations exists",
                      "SELECT CAST(to_regclass('schema_migrations') IS NOT NULL AS INT)"}
          : Statement{"schema_migrations exists",
                      "SELECT COUNT(*) FROM sqlite_master WHERE name = 'schema_migrations'"};
  QP_ASSIGN_OR_RETURN(const Rows found, session.Query(exists));
  int64_t count = 0;
  QP_RETURN_IF_ERROR(found[0].Read(count));
  if (count == 0) return 0;
  QP_ASSIGN_OR_RETURN(
      const Rows rows,
      session.Query({"schema version", "SELECT COALESCE(MAX(version), 0) FROM schema_migrations"}));
  int64_t version = 0;
  QP_RETURN_IF_ERROR(rows[0].Read(version));
  return static_cast<int>(version);
}

}  // namespace quotaplane::sql
