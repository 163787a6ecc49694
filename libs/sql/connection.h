// One connection to a database: what PostgreSQL and SQLite each implement. Everything that is the
// same for both happens above it, in session.cc and the pool.
#pragma once

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/sql/database.h"

namespace quotaplane::sql {

inline constexpr absl::Duration kMaxTimeout = absl::Hours(24);

// How long `statement` may take, where the database's own timeout is `fallback`.
inline absl::Duration TimeoutOf(const Statement& statement, absl::Duration fallback) {
  const bool own = statement.timeout > absl::ZeroDuration();
  return own ? std::clamp(statement.timeout, absl::Milliseconds(1), kMaxTimeout) : fallback;
}

// One thread at a time. Parameters and batches have been checked (check.h). Contracts are those of
// Session, except where it says otherwise.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual Dialect dialect() const = 0;
  // Whether it may be used (again): false once it was lost. Cheap: no round trip.
  virtual bool Alive() = 0;

  virtual absl::Status Begin(const TransactionOptions& options) = 0;
  virtual absl::Status Commit() = 0;
  // Gives up within a few seconds; Alive() is false then.
  virtual void Rollback() = 0;

  // Rows, if any, go to `callback`, whose error ends the statement; the connection may be lost by
  // that.
  virtual absl::StatusOr<int64_t> Run(const Statement& statement,
                                      absl::Span<const Value> parameters, RowCallback callback) = 0;
  // Within a transaction.
  virtual absl::Status Stream(const Statement& statement, absl::Span<const Value> parameters,
                              RowCallback callback) = 0;
  // Within a transaction; not empty.
  virtual absl::StatusOr<Inserted> InsertMany(const Batch& batch, const InsertOptions& options) = 0;
  // Within a transaction; not empty; no two rows with the same key.
  virtual absl::Status AddMany(const Batch& batch, size_t key_columns) = 0;
  // Within a transaction.
  virtual absl::Status RunScript(const Statement& script) = 0;
};

}  // namespace quotaplane::sql
