// The databases that the conformance tests run over, both real.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "libs/sql/database.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::sql {

inline std::unique_ptr<Database> MustOpen(DatabaseOptions options) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(std::move(options));
  EXPECT_TRUE(database.ok()) << database.status();
  return database.ok() ? *std::move(database) : nullptr;
}

// The first column of the first row, an integer.
inline int64_t MustCount(Session& session, std::string_view sql) {
  const absl::StatusOr<Rows> rows = session.Query({"count", sql});
  EXPECT_TRUE(rows.ok()) << rows.status();
  if (!rows.ok() || rows->empty()) return -1;
  EXPECT_EQ((*rows)[0][0].type(), Type::kInt);
  return (*rows)[0][0].integer();
}

// Each test has a database of its own: a server, or a file.
class DatabaseTest : public ::testing::TestWithParam<Dialect> {
 protected:
  DatabaseTest() {
    if (GetParam() == Dialect::kPostgres) server_ = std::make_unique<fixtures::PostgresServer>();
    db_ = MustOpen({.url = url()});
  }

  std::string url() const {
    return server_ != nullptr ? server_->url() : "sqlite:" + dir_.File("test.db");
  }
  bool postgres() const { return GetParam() == Dialect::kPostgres; }

  // `sql` without parameters; fails the test where it fails.
  void Must(std::string_view sql) {
    const absl::Status status = db_->RunScript({"test", sql});
    ASSERT_TRUE(status.ok()) << status;
  }

  const fixtures::TempDir dir_;
  std::unique_ptr<fixtures::PostgresServer> server_;
  std::unique_ptr<Database> db_;
};

inline std::string NameOfDialect(const ::testing::TestParamInfo<Dialect>& info) {
  return info.param == Dialect::kPostgres ? "Postgres" : "Sqlite";
}

#define QP_OVER_BOTH_DATABASES(suite)                                               \
  INSTANTIATE_TEST_SUITE_P(Both, suite,                                             \
                           ::testing::Values(::quotaplane::sql::Dialect::kPostgres, \
                                             ::quotaplane::sql::Dialect::kSqlite),  \
                           ::quotaplane::sql::NameOfDialect)

}  // namespace quotaplane::sql
