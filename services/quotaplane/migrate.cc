#include "services/quotaplane/migrate.h"

#include <cstdio>
#include <memory>
#include <string_view>

#include "libs/base/status_macros.h"
#include "libs/sql/database.h"
#include "libs/sql/migrate.h"

namespace quotaplane {
namespace {

void SayWhatIsThere(const sql::Schema& schema, int known) {
  std::printf("the ledger's schema is at version %d already", schema.version);
  if (schema.version > known) {
    std::printf(", newer than this program's %d, which works with it", known);
  }
  std::printf("\n");
}

void SayWhatIsMissing(const sql::Schema& schema) {
  std::printf("the ledger's schema is at version %d; to be applied:\n", schema.version);
  for (const sql::Migration& migration : schema.missing) {
    std::printf("  %.*s: works with programs from version %d\n",
                static_cast<int>(migration.name.size()), migration.name.data(),
                sql::WorksFrom(migration));
  }
}

absl::Status Run(const MigrateOptions& options) {
  sql::DatabaseOptions database_options;
  database_options.url = options.ledger;
  QP_ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database,
                      sql::Database::Open(database_options));
  QP_ASSIGN_OR_RETURN(const sql::Schema before, sql::ReadSchema(*database));
  if (before.missing.empty()) {
    SayWhatIsThere(before, static_cast<int>(sql::MigrationsFor(database->dialect()).size()));
    return absl::OkStatus();
  }
  if (options.dry_run) {
    SayWhatIsMissing(before);
    return absl::OkStatus();
  }
  QP_RETURN_IF_ERROR(sql::Migrate(*database));
  QP_ASSIGN_OR_RETURN(const sql::Schema after, sql::ReadSchema(*database));
  std::printf(
      "the ledger's schema went from version %d to %d; it works with programs from version %d\n",
      before.version, after.version, after.works_from);
  return absl::OkStatus();
}

}  // namespace

int MigrateLedger(const MigrateOptions& options) {
  const absl::Status status = Run(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "quotaplane: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace quotaplane
