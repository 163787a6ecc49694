#include "services/quotaplane/migrate.h"

#include <cstdio>
#include <memory>

#include "libs/base/status_macros.h"
#include "libs/sql/database.h"
#include "libs/sql/migrate.h"

namespace quotaplane {
namespace {

absl::Status Run(const std::string& url) {
  sql::DatabaseOptions database_options;
  database_options.url = url;
  QP_ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database,
                      sql::Database::Open(database_options));
  QP_ASSIGN_OR_RETURN(const int before, sql::SchemaVersion(*database));
  QP_RETURN_IF_ERROR(sql::Migrate(*database));
  QP_ASSIGN_OR_RETURN(const int after, sql::SchemaVersion(*database));
  if (before == after) {
    std::printf("the ledger's schema is at version %d already\n", after);
  } else {
    std::printf("the ledger's schema went from version %d to %d\n", before, after);
  }
  return absl::OkStatus();
}

}  // namespace

int MigrateLedger(const std::string& url) {
  const absl::Status status = Run(url);
  if (status.ok()) return 0;
  std::fprintf(stderr, "quotaplane: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace quotaplane
