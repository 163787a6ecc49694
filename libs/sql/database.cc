#include "libs/sql/database.h"

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/sql/check.h"
#include "libs/sql/connection.h"
#include "libs/sql/merge.h"
#include "libs/sql/pool.h"
#include "libs/sql/postgres_connection.h"
#include "libs/sql/sqlite_connection.h"

namespace quotaplane::sql {
namespace {

absl::Status Ignore(const Row&) { return absl::OkStatus(); }

absl::StatusOr<Rows> QueryOn(Connection& connection, const Statement& statement,
                             absl::Span<const Value> parameters, size_t max_rows) {
  Rows rows;
  const auto keep = [&](const Row& row) {
    if (rows.size() == max_rows) {
      return absl::ResourceExhaustedError(
          absl::StrCat("SQL ", AbslView(statement.name), ": more than ", max_rows, " rows"));
    }
    rows.Add(row);
    return absl::OkStatus();
  };
  QP_RETURN_IF_ERROR(connection.Run(statement, parameters, keep).status());
  return rows;
}

class TransactionImpl : public Transaction {
 public:
  explicit TransactionImpl(Pool::Lease connection) : connection_(std::move(connection)) {}
  ~TransactionImpl() override {
    if (!committed_) connection_->Rollback();
  }
  TransactionImpl(const TransactionImpl&) = delete;
  TransactionImpl& operator=(const TransactionImpl&) = delete;

  Dialect dialect() const override { return connection_->dialect(); }

  absl::StatusOr<int64_t> Execute(const Statement& statement,
                                  absl::Span<const Value> parameters) override {
    QP_RETURN_IF_ERROR(Usable());
    QP_RETURN_IF_ERROR(Noted(CheckParameters(statement, parameters)));
    return Noted(connection_->Run(statement, parameters, Ignore));
  }

  absl::StatusOr<Rows> Query(const Statement& statement, absl::Span<const Value> parameters,
                             size_t max_rows) override {
    QP_RETURN_IF_ERROR(Usable());
    QP_RETURN_IF_ERROR(Noted(CheckParameters(statement, parameters)));
    return Noted(QueryOn(*connection_, statement, parameters, max_rows));
  }

  absl::Status Stream(const Statement& statement, absl::Span<const Value> parameters,
                      RowCallback callback) override {
    QP_RETURN_IF_ERROR(Usable());
    QP_RETURN_IF_ERROR(Noted(CheckParameters(statement, parameters)));
    bool callers = false;  // the error, that is
    const auto call = [&](const Row& row) {
      absl::Status status = callback(row);
      callers = !status.ok();
      return status;
    };
    absl::Status status = connection_->Stream(statement, parameters, call);
    return callers ? status : Noted(std::move(status));
  }

  absl::StatusOr<Inserted> InsertMany(const Batch& batch, const InsertOptions& options) override {
    QP_RETURN_IF_ERROR(Usable());
    QP_RETURN_IF_ERROR(Noted(CheckInsert(batch, options)));
    if (batch.values.empty()) return Inserted{};
    return Noted(connection_->InsertMany(batch, options));
  }

  absl::Status AddMany(const Batch& batch, size_t key_columns) override {
    QP_RETURN_IF_ERROR(Usable());
    QP_RETURN_IF_ERROR(Noted(CheckAdd(batch, key_columns)));
    if (batch.values.empty()) return absl::OkStatus();
    absl::StatusOr<Batch> merged = Noted(MergeByKey(batch, key_columns));
    QP_RETURN_IF_ERROR(merged.status());
    return Noted(connection_->AddMany(*merged, key_columns));
  }

  absl::Status RunScript(const Statement& script) override {
    QP_RETURN_IF_ERROR(Usable());
    return Noted(connection_->RunScript(script));
  }

  absl::Status Commit() override {
    QP_RETURN_IF_ERROR(Usable());
    const absl::Status status = connection_->Commit();
    committed_ = status.ok();
    failed_ = true;  // nothing comes after it
    return status;
  }

 private:
  absl::Status Usable() const {
    if (!failed_) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "SQL: the transaction has ended, or failed at an earlier statement");
  }
  // Remembers a failure.
  absl::Status Noted(absl::Status status) {
    failed_ = failed_ || !status.ok();
    return status;
  }
  template <typename T>
  absl::StatusOr<T> Noted(absl::StatusOr<T> result) {
    failed_ = failed_ || !result.ok();
    return result;
  }

  Pool::Lease connection_;
  bool failed_ = false;
  bool committed_ = false;
};

class DatabaseImpl : public Database {
 public:
  DatabaseImpl(Dialect dialect, Pool::Connect connect, const DatabaseOptions& options)
      : dialect_(dialect),
        pool_(std::move(connect), options.max_connections, options.pool_timeout) {}

  Dialect dialect() const override { return dialect_; }

  // The first connection, so that a wrong URL is found at start-up.
  absl::Status TryConnect() { return pool_.Get().status(); }

  absl::StatusOr<int64_t> Execute(const Statement& statement,
                                  absl::Span<const Value> parameters) override {
    QP_RETURN_IF_ERROR(CheckParameters(statement, parameters));
    QP_ASSIGN_OR_RETURN(const Pool::Lease connection, pool_.Get());
    return connection->Run(statement, parameters, Ignore);
  }

  absl::StatusOr<Rows> Query(const Statement& statement, absl::Span<const Value> parameters,
                             size_t max_rows) override {
    QP_RETURN_IF_ERROR(CheckParameters(statement, parameters));
    QP_ASSIGN_OR_RETURN(const Pool::Lease connection, pool_.Get());
    return QueryOn(*connection, statement, parameters, max_rows);
  }

  absl::Status Stream(const Statement& statement, absl::Span<const Value> parameters,
                      RowCallback callback) override {
    QP_ASSIGN_OR_RETURN(const auto transaction, Begin({.read_only = true}));
    QP_RETURN_IF_ERROR(transaction->Stream(statement, parameters, callback));
    return transaction->Commit();
  }

  absl::StatusOr<Inserted> InsertMany(const Batch& batch, const InsertOptions& options) override {
    QP_ASSIGN_OR_RETURN(const auto transaction, Begin({}));
    QP_ASSIGN_OR_RETURN(Inserted inserted, transaction->InsertMany(batch, options));
    QP_RETURN_IF_ERROR(transaction->Commit());
    return inserted;
  }

  absl::Status AddMany(const Batch& batch, size_t key_columns) override {
    QP_ASSIGN_OR_RETURN(const auto transaction, Begin({}));
    QP_RETURN_IF_ERROR(transaction->AddMany(batch, key_columns));
    return transaction->Commit();
  }

  absl::Status RunScript(const Statement& script) override {
    QP_ASSIGN_OR_RETURN(const auto transaction, Begin({}));
    QP_RETURN_IF_ERROR(transaction->RunScript(script));
    return transaction->Commit();
  }

  absl::StatusOr<std::unique_ptr<Transaction>> Begin(const TransactionOptions& options) override {
    QP_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Get());
    const absl::Status begun = connection->Begin(options);
    if (!begun.ok()) {
      connection->Rollback();
      return begun;
    }
    return std::make_unique<TransactionImpl>(std::move(connection));
  }

 private:
  const Dialect dialect_;
  Pool pool_;
};

absl::Status CheckOptions(const DatabaseOptions& options) {
  const auto bad = [](absl::string_view what) { return absl::InvalidArgumentError(what); };
  if (options.max_connections < 1 || options.max_connections > 1000) {
    return bad("SQL: max_connections is from 1 to 1000");
  }
  const absl::Duration times[] = {options.pool_timeout, options.connect_timeout,
                                  options.statement_timeout, options.lock_timeout};
  for (const absl::Duration time : times) {
    if (time < absl::Milliseconds(1) || time > kMaxTimeout) {
      return bad("SQL: timeouts are from 1 ms to 24 h");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(DatabaseOptions options) {
  QP_RETURN_IF_ERROR(CheckOptions(options));
  std::unique_ptr<DatabaseImpl> database;
  if (absl::StartsWith(options.url, "postgres://") ||
      absl::StartsWith(options.url, "postgresql://")) {
    QP_ASSIGN_OR_RETURN(Pool::Connect connect, PostgresConnector(options));
    database = std::make_unique<DatabaseImpl>(Dialect::kPostgres, std::move(connect), options);
  } else if (absl::StartsWith(options.url, "sqlite:")) {
    QP_ASSIGN_OR_RETURN(Pool::Connect connect, SqliteConnector(options));
    database = std::make_unique<DatabaseImpl>(Dialect::kSqlite, std::move(connect), options);
  } else {
    return absl::InvalidArgumentError("SQL: a URL starts with postgres:// or sqlite:");
  }
  QP_RETURN_IF_ERROR(database->TryConnect());
  return database;
}

}  // namespace quotaplane::sql
