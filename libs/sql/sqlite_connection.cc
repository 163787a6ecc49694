// WAL, so that readers and the one writer do not wait for each other; synchronous=FULL, so that a
// commit is on the disk before it is acknowledged. What writes begins with BEGIN IMMEDIATE: a
// transaction that reads first and wants the lock later may find that it cannot have it any more.
#include "libs/sql/sqlite_connection.h"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/sql/bulk_sql.h"
#include "libs/sql/connection.h"
#include "libs/sql/errors.h"
#include "libs/sql/sqlite_error.h"
#include "libs/sql/sqlite_statement.h"

namespace quotaplane::sql {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxPrepared = 128;
constexpr int kInstructionsBetweenChecks = 2000;  // of SQLite's machine: well under a millisecond

// "C" in PostgreSQL; SQLite's own order has another name.
int CompareBytes(void*, int a_size, const void* a, int b_size, const void* b) {
  const std::string_view first(static_cast<const char*>(a), static_cast<size_t>(a_size));
  const std::string_view second(static_cast<const char*>(b), static_cast<size_t>(b_size));
  return first.compare(second);
}

class SqliteConnection : public Connection {
 public:
  SqliteConnection(absl::Duration statement_timeout, absl::Duration lock_timeout)
      : statement_timeout_(statement_timeout),
        lock_timeout_(absl::ToChronoMilliseconds(lock_timeout)) {}

  absl::Status Open(const std::string& path, absl::Duration timeout);

  Dialect dialect() const override { return Dialect::kSqlite; }
  bool Alive() override { return !broken_; }

  absl::Status Begin(const TransactionOptions& options) override {
    read_only_ = options.read_only;
    if (!read_only_) return Simple("begin", "BEGIN IMMEDIATE");
    return Simple("begin", "PRAGMA query_only = ON; BEGIN");
  }

  absl::Status Commit() override { return Ended(Simple("commit", "COMMIT")); }

  void Rollback() override {
    // Some errors have rolled back by themselves.
    const bool open = sqlite3_get_autocommit(database_.get()) == 0;
    broken_ = broken_ || !Ended(open ? Simple("rollback", "ROLLBACK") : absl::OkStatus()).ok();
  }

  absl::StatusOr<int64_t> Run(const Statement& statement, absl::Span<const Value> parameters,
                              RowCallback callback) override;
  absl::Status Stream(const Statement& statement, absl::Span<const Value> parameters,
                      RowCallback callback) override {
    return Run(statement, parameters, callback).status();
  }
  absl::StatusOr<Inserted> InsertMany(const Batch& batch, const InsertOptions& options) override;
  absl::Status AddMany(const Batch& batch, size_t key_columns) override;
  absl::Status RunScript(const Statement& script) override {
    StartClock(Timeout(script));
    const std::string sql(script.sql);
    return SqliteError(database_.get(), Exec(sql.c_str()), script.name);
  }

 private:
  struct Prepared {
    std::string sql;
    SqliteStatement statement;
  };
  using PreparedList = std::list<Prepared>;
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
  };

  absl::Duration Timeout(const Statement& statement) const {
    return TimeoutOf(statement, statement_timeout_);
  }
  void StartClock(absl::Duration timeout) {
    deadline_ = Clock::now() + absl::ToChronoMilliseconds(timeout);
  }
  int Exec(const char* sql) {
    return sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  }
  absl::Status Simple(std::string_view name, const char* sql) {
    StartClock(statement_timeout_);
    return SqliteError(database_.get(), Exec(sql), name);
  }
  // After the end of a transaction.
  absl::Status Ended(absl::Status status) {
    if (!read_only_ || !status.ok()) return status;
    read_only_ = false;
    return Simple("end", "PRAGMA query_only = OFF");
  }

  static int OnProgress(void* self) {
    return Clock::now() >= static_cast<SqliteConnection*>(self)->deadline_ ? 1 : 0;
  }
  // Called each time a lock is held by somebody else; 0 gives up.
  static int OnBusy(void* self, int attempt) {
    auto* const connection = static_cast<SqliteConnection*>(self);
    const Clock::time_point now = Clock::now();
    if (attempt == 0) connection->busy_since_ = now;
    const Clock::time_point end =
        std::min(connection->deadline_, connection->busy_since_ + connection->lock_timeout_);
    if (now >= end) return 0;
    const std::chrono::milliseconds pause(std::min(1 << std::min(attempt, 4), 10));
    std::this_thread::sleep_for(std::min<Clock::duration>(pause, end - now));
    return 1;
  }

  absl::StatusOr<SqliteStatement*> Prepare(const Statement& statement);
  // Runs `sql` for each row of `batch`, and calls `changed` for those that changed something.
  template <typename Changed>
  absl::Status RunForEach(const Batch& batch, const std::string& sql, Changed changed);

  const absl::Duration statement_timeout_;
  const std::chrono::milliseconds lock_timeout_;
  std::unique_ptr<sqlite3, Close> database_;
  Clock::time_point deadline_;
  Clock::time_point busy_since_;
  bool read_only_ = false;
  bool broken_ = false;
  PreparedList prepared_;  // the one used last in front
  absl::flat_hash_map<std::string, PreparedList::iterator> by_sql_;
  std::vector<Value> row_;
};

absl::Status SqliteConnection::Open(const std::string& path, absl::Duration timeout) {
  sqlite3* raw = nullptr;
  // Each connection is used by one thread at a time, so it needs no mutex of its own.
  const int code =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(raw);
  QP_RETURN_IF_ERROR(SqliteError(raw, code, "open"));
  sqlite3_busy_handler(raw, OnBusy, this);
  sqlite3_progress_handler(raw, kInstructionsBetweenChecks, OnProgress, this);
  // "a" is a column, and never text that looks like one.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_create_collation_v2(raw, "C", SQLITE_UTF8, nullptr, CompareBytes, nullptr);
  StartClock(timeout);
  // The change to WAL needs the file for itself and does not ask the busy handler.
  for (;;) {
    const int wal = Exec("PRAGMA journal_mode = WAL");
    if (wal == SQLITE_OK) break;
    if (wal != SQLITE_BUSY || Clock::now() >= deadline_) return SqliteError(raw, wal, "open");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return Simple("open",
                "PRAGMA synchronous = FULL;"
                "PRAGMA foreign_keys = ON;"
                "PRAGMA case_sensitive_like = ON;"
                // Bulk inserts touch some thousand pages per commit. Their copies from the log into
                // the file are fewer if the log may grow to 32 MiB (8,000 pages), and the index of
                // random keys is read less if 32 MiB (in KiB here) of it are kept.
                "PRAGMA wal_autocheckpoint = 8000;"
                "PRAGMA cache_size = -32768");
}

absl::StatusOr<SqliteStatement*> SqliteConnection::Prepare(const Statement& statement) {
  std::string key(statement.sql);
  const auto found = by_sql_.find(key);
  if (found != by_sql_.end()) {
    prepared_.splice(prepared_.begin(), prepared_, found->second);
    return &prepared_.front().statement;
  }
  QP_ASSIGN_OR_RETURN(SqliteStatement prepared,
                      SqliteStatement::Prepare(database_.get(), statement.name, statement.sql));
  if (prepared_.size() == kMaxPrepared) {
    by_sql_.erase(prepared_.back().sql);
    prepared_.pop_back();
  }
  prepared_.push_front({std::move(key), std::move(prepared)});
  by_sql_[prepared_.front().sql] = prepared_.begin();
  return &prepared_.front().statement;
}

absl::StatusOr<int64_t> SqliteConnection::Run(const Statement& statement,
                                              absl::Span<const Value> parameters,
                                              RowCallback callback) {
  StartClock(Timeout(statement));
  QP_ASSIGN_OR_RETURN(SqliteStatement* const prepared, Prepare(statement));
  const int64_t before = sqlite3_total_changes64(database_.get());
  absl::Status status = prepared->Bind(statement.name, parameters);
  while (status.ok()) {
    const absl::StatusOr<bool> row = prepared->Step(statement.name);
    status = row.status();
    if (!status.ok() || !*row) break;
    prepared->ReadRow(&row_);
    status = callback(Row(row_));
    StartClock(Timeout(statement));
  }
  prepared->Reset();
  QP_RETURN_IF_ERROR(status);
  // What changed last may be another statement's, unless this one changed something.
  return sqlite3_total_changes64(database_.get()) == before ? 0
                                                            : sqlite3_changes64(database_.get());
}

template <typename Changed>
absl::Status SqliteConnection::RunForEach(const Batch& batch, const std::string& sql,
                                          Changed changed) {
  StartClock(statement_timeout_);
  QP_ASSIGN_OR_RETURN(SqliteStatement* const prepared, Prepare({batch.table, sql}));
  const size_t columns = batch.columns.size();
  for (size_t row = 0; row < batch.rows(); ++row) {
    const absl::Span<const Value> values(&batch.values[row * columns], columns);
    absl::Status status = prepared->Bind(batch.table, values);
    if (status.ok()) status = prepared->Step(batch.table).status();
    // Before Reset, which forgets nothing of it but an error.
    const bool did = status.ok() && sqlite3_changes64(database_.get()) > 0;
    prepared->Reset();
    QP_RETURN_IF_ERROR(status);
    if (did) changed(values);
  }
  return absl::OkStatus();
}

absl::StatusOr<Inserted> SqliteConnection::InsertMany(const Batch& batch,
                                                      const InsertOptions& options) {
  const size_t columns = batch.columns.size();
  const std::string sql = absl::StrCat(
      "INSERT INTO ", AbslView(batch.table), " (", ColumnList(batch, 0, columns), ") VALUES (",
      ParameterList(columns), ")", options.skip_existing ? " ON CONFLICT DO NOTHING" : "");
  const auto returning =
      std::find_if(batch.columns.begin(), batch.columns.end(),
                   [&](const Column& column) { return column.name == options.returning; });
  const auto index = static_cast<size_t>(returning - batch.columns.begin());
  Inserted inserted;
  QP_RETURN_IF_ERROR(RunForEach(batch, sql, [&](absl::Span<const Value> values) {
    ++inserted.rows;
    if (index < columns) inserted.returned.Add(Row({&values[index], 1}));
  }));
  return inserted;
}

absl::Status SqliteConnection::AddMany(const Batch& batch, size_t key_columns) {
  const size_t columns = batch.columns.size();
  const std::string sql =
      absl::StrCat("INSERT INTO ", AbslView(batch.table), " (", ColumnList(batch, 0, columns),
                   ") VALUES (", ParameterList(columns), ")", AddOnConflict(batch, key_columns));
  const absl::Status status = RunForEach(batch, sql, [](absl::Span<const Value>) {});
  // A sum that does not fit becomes a floating-point number, which a STRICT table refuses. Nothing
  // else here can be of the wrong type: all that is added is an integer.
  if (SqlStateOf(status) != absl::StrCat(SQLITE_CONSTRAINT_DATATYPE)) return status;
  return DatabaseError(absl::StatusCode::kOutOfRange, batch.table, SqlStateOf(status),
                       "a sum does not fit into 64 bits");
}

}  // namespace

absl::StatusOr<Pool::Connect> SqliteConnector(const DatabaseOptions& options) {
  absl::string_view path = options.url;
  absl::ConsumePrefix(&path, "sqlite:");
  absl::ConsumePrefix(&path, "//");  // sqlite:///absolute
  if (path.empty() || absl::EndsWith(path, "/") || path[0] == ':' || absl::StrContains(path, "?") ||
      absl::StartsWith(path, "file:")) {
    return absl::InvalidArgumentError("SQL: a SQLite URL is sqlite: and the path of a file");
  }
  return [path = std::string(path), options]() -> absl::StatusOr<std::unique_ptr<Connection>> {
    auto connection =
        std::make_unique<SqliteConnection>(options.statement_timeout, options.lock_timeout);
    QP_RETURN_IF_ERROR(connection->Open(path, options.connect_timeout));
    return connection;
  };
}

}  // namespace quotaplane::sql
