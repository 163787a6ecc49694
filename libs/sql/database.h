// SQL over PostgreSQL and SQLite, by one contract. The only user of libpq and sqlite3.
//
//   absl::StatusOr<std::unique_ptr<sql::Database>> db = sql::Database::Open({.url = url});
//   absl::StatusOr<sql::Rows> rows =
//       (*db)->Query({"spend", "SELECT SUM(cost) FROM t WHERE org = $1"}, {org});
//
// Databases, by URL:
//   postgres://[user[:password]@]host[:port]/database[?sslmode=…&…]   all that libpq knows; a
//       directory, percent-encoded, as the host is that of a unix socket. postgresql:// is the
//       same.
//   sqlite:/path/file.db   made where missing. In WAL mode; every commit is flushed, so what was
//       acknowledged survives kill -9 and a power cut; foreign keys are enforced.
//
// Dialect: what both take. Parameters are $1, $2, …; casts are CAST(… AS …), since SQLite reads
// `$1::text` as a parameter of that name; LIKE heeds case; COLLATE "C" orders text by its bytes.
// SUM over integers gives an integer in both, or OUT_OF_RANGE where it does not fit: PostgreSQL's
// NUMERIC comes as an int64 when it is one (INVALID_ARGUMENT when it has a fraction: CAST it to
// DOUBLE PRECISION). Types are those of Value; PostgreSQL's BOOLEAN, INTEGER and SMALLINT come as
// integers, VARCHAR and JSON as text, and other types need a cast.
//
// Errors, with the statement's name and SQLSTATE (or SQLite's code), never with a value or a
// password:
//   UNAVAILABLE         no connection, or it was lost (a statement outside a transaction, and a
//                       Commit, may then have happened or not); the server is shutting down;
//                       SQLite: another process held the lock all the time. The next use connects
//                       anew.
//   DEADLINE_EXCEEDED   the statement took longer than its timeout, or the server fell silent
//   RESOURCE_EXHAUSTED  the disk is full, or memory; no connection of the pool became free in time;
//                       a Query had more rows than its bound
//   ALREADY_EXISTS      a unique constraint: ConstraintOf() in errors.h says which
//   ABORTED             serialization failure, deadlock: the transaction may be tried again as a
//   whole OUT_OF_RANGE        a number does not fit FAILED_PRECONDITION the transaction has failed
//   already; the database is read-only DATA_LOSS           the database is damaged INVALID_ARGUMENT
//   the rest: syntax, missing tables, other constraints, types
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/sql/value.h"

namespace quotaplane::sql {

enum class Dialect { kPostgres, kSqlite };

// One statement of SQL, and what to call it in errors. Each connection keeps the prepared forms of
// the last 128 texts it ran: pass values as parameters, not in the text.
struct Statement {
  std::string_view name;
  std::string_view sql;
  // How long the database may work on it (for Stream: on each portion of rows); zero: the
  // Database's statement_timeout; at most 24 hours. What the callback of a Stream takes does not
  // count.
  absl::Duration timeout = absl::ZeroDuration();
};

struct Column {
  std::string_view name;   // lower-case letters, digits, _
  Type type = Type::kInt;  // kInt, kText, kBytes or kDouble
};

// Rows for a table, row by row, by view.
struct Batch {
  std::string_view table;  // lower-case letters, digits, _
  std::vector<Column> columns;
  // rows() * columns.size() values, each of its column's type or NULL; at most kMaxBatchRows rows.
  std::vector<Value> values;

  size_t rows() const { return columns.empty() ? 0 : values.size() / columns.size(); }
};
inline constexpr size_t kMaxBatchRows = 50'000;
inline constexpr size_t kDefaultMaxRows = 100'000;

struct InsertOptions {
  // Leaves rows out that some unique key forbids, also those that come twice in the batch (the
  // first one counts). Otherwise such a row fails the batch: ALREADY_EXISTS.
  bool skip_existing = false;
  // A column of the batch: InsertMany returns its values of the rows really inserted, in any order.
  std::string_view returning = {};
};

struct Inserted {
  int64_t rows = 0;
  Rows returned;  // one column; empty unless asked for
};

using RowCallback = absl::FunctionRef<absl::Status(const Row&)>;

// What statements run in: a Transaction, or a Database (each call its own transaction).
class Session {
 public:
  virtual ~Session() = default;

  virtual Dialect dialect() const = 0;

  // Returns how many rows it inserted, updated or deleted.
  virtual absl::StatusOr<int64_t> Execute(const Statement& statement,
                                          absl::Span<const Value> parameters = {}) = 0;
  // All rows. More than `max_rows` are RESOURCE_EXHAUSTED (in PostgreSQL the connection is given up
  // then, and with it a transaction).
  virtual absl::StatusOr<Rows> Query(const Statement& statement,
                                     absl::Span<const Value> parameters = {},
                                     size_t max_rows = kDefaultMaxRows) = 0;
  // Hands the rows of a SELECT to `callback`, one by one, on the calling thread and in bounded
  // memory, whatever their number; all of one snapshot. The callback must not use this session. An
  // error of the callback ends the stream and is returned as it is; it does not fail a transaction.
  virtual absl::Status Stream(const Statement& statement, absl::Span<const Value> parameters,
                              RowCallback callback) = 0;

  // All rows of the batch or, after an error, none. An empty batch changes nothing.
  virtual absl::StatusOr<Inserted> InsertMany(const Batch& batch,
                                              const InsertOptions& options = {}) = 0;
  // Sums: the first `key_columns` columns are a unique key of the table, the others kInt. A row
  // whose key is there adds its numbers to it, any other is inserted. Rows of the batch may share
  // keys. Keys are touched in ascending order, so that two batches at once do not deadlock.
  // OUT_OF_RANGE where a sum does not fit (SQLite: if the table is STRICT).
  virtual absl::Status AddMany(const Batch& batch, size_t key_columns) = 0;

  // Several statements without parameters or results, as in a migration.
  virtual absl::Status RunScript(const Statement& script) = 0;
};

enum class Isolation {
  kReadCommitted,   // PostgreSQL: each statement sees what was committed before it
  kRepeatableRead,  // all statements see one snapshot; ABORTED where another's write is in the way
};

struct TransactionOptions {
  // SQLite's are serializable whatever this says.
  Isolation isolation = Isolation::kReadCommitted;
  // Nothing is written. SQLite: the one lock for writers is not taken (BEGIN rather than BEGIN
  // IMMEDIATE), so it may run beside a writer.
  bool read_only = false;
};

// All or nothing. The first error fails it, in both databases alike: all further calls are
// FAILED_PRECONDITION, and it can only be rolled back. Destruction rolls back what was not
// committed. One thread at a time. Ends before its Database does.
class Transaction : public Session {
 public:
  // OK: it is durable. UNAVAILABLE, DEADLINE_EXCEEDED: it may have happened or not. Any other
  // error: it did not. Call it at most once, and nothing after it.
  virtual absl::Status Commit() = 0;
};

struct DatabaseOptions {
  std::string url = {};
  // From elsewhere than the URL; wins over it. Empty: the URL's.
  std::string password = {};
  int max_connections = 8;
  // How long a call waits for a connection of the pool.
  absl::Duration pool_timeout = absl::Seconds(5);
  absl::Duration connect_timeout = absl::Seconds(5);
  // Of each statement that brings none of its own. At least 1 ms. A server that says nothing is
  // given a quarter of a second more, then the connection is closed.
  absl::Duration statement_timeout = absl::Seconds(30);
  // SQLite: how long to wait for another's lock, within the statement's timeout.
  absl::Duration lock_timeout = absl::Seconds(5);
};

// A pool of connections, made as they are needed. Blocking. Thread-safe; each call, and each
// Transaction, has a connection of its own as long as it lasts, so a thread that holds
// Transactions must not wait for more of them than the pool has.
class Database : public Session {
 public:
  // INVALID_ARGUMENT for a malformed URL and options out of range (the message shows no password).
  // UNAVAILABLE where the first connection cannot be made. SQLite: UNAVAILABLE too where the file
  // can be neither opened nor made.
  static absl::StatusOr<std::unique_ptr<Database>> Open(DatabaseOptions options);

  virtual absl::StatusOr<std::unique_ptr<Transaction>> Begin(
      const TransactionOptions& options = {}) = 0;
};

}  // namespace quotaplane::sql
