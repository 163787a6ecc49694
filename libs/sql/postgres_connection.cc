// Statements are prepared once per connection and text; values travel in binary.
//
// A statement's timeout is the server's statement_timeout, so that it stops working; this side
// waits a little longer, for a server that has fallen silent, and then closes the connection.
//
// Bulk inserts are one statement with an array per column, joined by unnest.
#include "libs/sql/postgres_connection.h"

#include <libpq-fe.h>

#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/sql/bulk_sql.h"
#include "libs/sql/connection.h"
#include "libs/sql/errors.h"
#include "libs/sql/postgres_codec.h"
#include "libs/sql/postgres_error.h"
#include "libs/sql/postgres_link.h"

namespace quotaplane::sql {
namespace {

constexpr auto kGrace = std::chrono::milliseconds(250);
constexpr absl::Duration kRollbackTimeout = absl::Seconds(3);
constexpr size_t kMaxPrepared = 128;
constexpr int kStreamRows = 2000;  // at a time

absl::Status Ignore(const Row&) { return absl::OkStatus(); }

bool IsError(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE ||
         status == PGRES_NONFATAL_ERROR || status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
         status == PGRES_COPY_BOTH;  // COPY would have to be talked to
}

std::string_view Field(const PGresult* result, int code) {
  const char* const field = PQresultErrorField(result, code);
  return field == nullptr ? std::string_view() : std::string_view(field);
}

int64_t Changed(PGresult* result) {
  const absl::string_view tag = PQcmdStatus(result);
  int64_t rows = 0;
  if (absl::StartsWith(tag, "SELECT") || absl::StartsWith(tag, "FETCH")) return 0;
  return absl::SimpleAtoi(PQcmdTuples(result), &rows) ? rows : 0;
}

class PostgresConnection : public Connection {
 public:
  PostgresConnection(PostgresLink link, absl::Duration timeout)
      : link_(std::move(link)), timeout_(timeout) {}

  absl::Status SetUp() {
    // A stream reads all of its rows: no plans that favour the first ones.
    return Simple("connect", "SET cursor_tuple_fraction = 1", timeout_);
  }

  Dialect dialect() const override { return Dialect::kPostgres; }

  bool Alive() override { return link_.Alive(); }

  absl::Status Begin(const TransactionOptions& options) override {
    const std::string sql = absl::StrCat(
        "BEGIN ISOLATION LEVEL ",
        options.isolation == Isolation::kRepeatableRead ? "REPEATABLE READ" : "READ COMMITTED",
        options.read_only ? " READ ONLY" : "");
    return Simple("begin", sql.c_str(), timeout_);
  }

  absl::Status Commit() override {
    const absl::Status status = Simple("commit", "COMMIT", timeout_);
    if (status.ok() && last_tag_ == "COMMIT") return status;
    server_timeout_ms_ = -1;  // what was set in the transaction is undone with it
    if (!status.ok()) return status;
    return DatabaseError(absl::StatusCode::kFailedPrecondition, "commit", "",
                         "the transaction had failed");
  }

  void Rollback() override {
    if (!link_.open() || PQtransactionStatus(link_.get()) == PQTRANS_IDLE) return;
    server_timeout_ms_ = -1;
    if (!Simple("rollback", "ROLLBACK", kRollbackTimeout).ok()) link_.Close();
  }

  absl::StatusOr<int64_t> Run(const Statement& statement, absl::Span<const Value> parameters,
                              RowCallback callback) override {
    return RunPrepared(statement, PostgresParameters::Of(parameters), callback);
  }

  absl::Status Stream(const Statement& statement, absl::Span<const Value> parameters,
                      RowCallback callback) override;
  absl::StatusOr<Inserted> InsertMany(const Batch& batch, const InsertOptions& options) override;
  absl::Status AddMany(const Batch& batch, size_t key_columns) override;

  absl::Status RunScript(const Statement& script) override {
    QP_RETURN_IF_ERROR(SetTimeout(script));
    return Simple(script.name, std::string(script.sql).c_str(), Timeout(script));
  }

 private:
  struct Prepared {
    std::string key;  // text and types of the parameters
    std::string name;
  };
  using PreparedList = std::list<Prepared>;

  absl::Duration Timeout(const Statement& statement) const {
    return TimeoutOf(statement, timeout_);
  }
  static SteadyTime Deadline(absl::Duration timeout) {
    return std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(timeout) + kGrace;
  }

  // Statements without parameters or rows.
  absl::Status Simple(std::string_view name, const char* sql, absl::Duration timeout) {
    if (!link_.open() || PQsendQuery(link_.get(), sql) == 0) return link_.Lost(name);
    return Finish(name, Deadline(timeout), Ignore).status();
  }

  absl::Status SetTimeout(const Statement& statement) {
    const int64_t timeout_ms = absl::ToInt64Milliseconds(Timeout(statement));
    if (timeout_ms == server_timeout_ms_) return absl::OkStatus();
    const std::string sql = absl::StrCat("SET statement_timeout = ", timeout_ms);
    QP_RETURN_IF_ERROR(Simple(statement.name, sql.c_str(), timeout_));
    server_timeout_ms_ = timeout_ms;
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> RunPrepared(const Statement& statement,
                                      const PostgresParameters& parameters, RowCallback callback);
  absl::StatusOr<PreparedList::iterator> Prepare(const Statement& statement,
                                                 const PostgresParameters& parameters);
  // Reads all results of what was sent. Rows go to `callback`; its error closes the connection,
  // since the rest would have to be read to keep it.
  absl::StatusOr<int64_t> Finish(std::string_view name, SteadyTime deadline, RowCallback callback);
  absl::Status Deliver(std::string_view name, const PGresult* result, RowCallback callback);
  absl::Status ErrorOf(std::string_view name, const PGresult* result);

  PostgresLink link_;
  const absl::Duration timeout_;
  int64_t server_timeout_ms_ = -1;  // unknown
  std::string last_tag_;
  PreparedList prepared_;  // the one used last in front
  absl::flat_hash_map<std::string, PreparedList::iterator> by_key_;
  int64_t next_name_ = 0;
  std::vector<Value> row_;
};

absl::Status PostgresConnection::ErrorOf(std::string_view name, const PGresult* result) {
  const std::string_view sqlstate = Field(result, PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) return link_.Lost(name);  // libpq's own: the connection broke
  return PostgresError(name, sqlstate, Field(result, PG_DIAG_MESSAGE_PRIMARY),
                       Field(result, PG_DIAG_CONSTRAINT_NAME));
}

absl::StatusOr<int64_t> PostgresConnection::Finish(std::string_view name, SteadyTime deadline,
                                                   RowCallback callback) {
  absl::Status status;
  int64_t changed = 0;
  for (;;) {
    QP_ASSIGN_OR_RETURN(const PostgresResult result, link_.Next(name, deadline));
    if (result == nullptr) break;
    if (IsError(result.get())) {
      if (status.ok()) status = ErrorOf(name, result.get());
      if (!link_.open()) return status;
      continue;
    }
    last_tag_ = PQcmdStatus(result.get());
    changed = Changed(result.get());
    const absl::Status delivered = Deliver(name, result.get(), callback);
    if (!delivered.ok()) {
      link_.Close();
      return delivered;
    }
  }
  // "Shutting down" comes as an error reply; the connection is of no more use.
  if (PQstatus(link_.get()) != CONNECTION_OK || absl::IsUnavailable(status)) link_.Close();
  QP_RETURN_IF_ERROR(status);
  return changed;
}

absl::Status PostgresConnection::Deliver(std::string_view name, const PGresult* result,
                                         RowCallback callback) {
  const int columns = PQnfields(result);
  row_.resize(static_cast<size_t>(columns));
  for (int row = 0; row < PQntuples(result); ++row) {
    for (int column = 0; column < columns; ++column) {
      Value& value = row_[static_cast<size_t>(column)];
      if (PQgetisnull(result, row, column) != 0) {
        value = Value(nullptr);
        continue;
      }
      const std::string_view data(PQgetvalue(result, row, column),
                                  static_cast<size_t>(PQgetlength(result, row, column)));
      const absl::Status decoded = DecodePostgres(PQftype(result, column), data, &value);
      if (!decoded.ok()) {
        const absl::string_view what = decoded.message();
        return DatabaseError(decoded.code(), name, "", {what.data(), what.size()});
      }
    }
    QP_RETURN_IF_ERROR(callback(Row(row_)));
  }
  return absl::OkStatus();
}

absl::StatusOr<PostgresConnection::PreparedList::iterator> PostgresConnection::Prepare(
    const Statement& statement, const PostgresParameters& parameters) {
  std::string key = absl::StrCat(AbslView(statement.sql), absl::string_view("\0", 1),
                                 AbslView(parameters.signature()));
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    prepared_.splice(prepared_.begin(), prepared_, found->second);
    return prepared_.begin();
  }
  if (prepared_.size() == kMaxPrepared) {
    const std::string sql = absl::StrCat("DEALLOCATE ", prepared_.back().name);
    QP_RETURN_IF_ERROR(Simple(statement.name, sql.c_str(), timeout_));
    by_key_.erase(prepared_.back().key);
    prepared_.pop_back();
  }
  const std::string name = absl::StrCat("s", next_name_++);
  if (PQsendPrepare(link_.get(), name.c_str(), std::string(statement.sql).c_str(),
                    parameters.size(), parameters.types()) == 0) {
    return link_.Lost(statement.name);
  }
  QP_RETURN_IF_ERROR(Finish(statement.name, Deadline(Timeout(statement)), Ignore).status());
  prepared_.push_front({std::move(key), name});
  by_key_[prepared_.front().key] = prepared_.begin();
  return prepared_.begin();
}

absl::StatusOr<int64_t> PostgresConnection::RunPrepared(const Statement& statement,
                                                        const PostgresParameters& parameters,
                                                        RowCallback callback) {
  if (!link_.open()) return link_.Lost(statement.name);
  QP_RETURN_IF_ERROR(SetTimeout(statement));
  QP_ASSIGN_OR_RETURN(const auto prepared, Prepare(statement, parameters));
  if (PQsendQueryPrepared(link_.get(), prepared->name.c_str(), parameters.size(),
                          parameters.values(), parameters.lengths(), parameters.formats(),
                          /*resultFormat=*/1) == 0) {
    return link_.Lost(statement.name);
  }
  // Row by row, so that a bound on rows is one on memory.
  PQsetSingleRowMode(link_.get());
  absl::StatusOr<int64_t> changed = Finish(statement.name, Deadline(Timeout(statement)), callback);
  const std::string sqlstate = SqlStateOf(changed.status());
  if (sqlstate == "0A000" || sqlstate == "26000") {
    // The schema changed under the statement, or somebody dropped it: it is prepared anew when it
    // is tried again.
    by_key_.erase(prepared->key);
    prepared_.erase(prepared);
    return DatabaseError(absl::StatusCode::kAborted, statement.name, sqlstate,
                         "the schema has changed under the statement");
  }
  return changed;
}

// A cursor, fetched by portions. libpq's single-row mode would do without a cursor, but a stream
// that is given up would have to be read to its end, or cost the connection.
absl::Status PostgresConnection::Stream(const Statement& statement,
                                        absl::Span<const Value> parameters, RowCallback callback) {
  if (!link_.open()) return link_.Lost(statement.name);
  QP_RETURN_IF_ERROR(SetTimeout(statement));
  const PostgresParameters encoded = PostgresParameters::Of(parameters);
  const std::string declare =
      absl::StrCat("DECLARE qp_stream NO SCROLL CURSOR FOR ", AbslView(statement.sql));
  const auto send = [&](const std::string& sql, const PostgresParameters& with,
                        RowCallback rows) -> absl::Status {
    if (PQsendQueryParams(link_.get(), sql.c_str(), with.size(), with.types(), with.values(),
                          with.lengths(), with.formats(), /*resultFormat=*/1) == 0) {
      return link_.Lost(statement.name);
    }
    return Finish(statement.name, Deadline(Timeout(statement)), rows).status();
  };
  QP_RETURN_IF_ERROR(send(declare, encoded, Ignore));
  const std::string fetch = absl::StrCat("FETCH ", kStreamRows, " FROM qp_stream");
  absl::Status callbacks;
  for (int fetched = kStreamRows; fetched == kStreamRows && callbacks.ok();) {
    fetched = 0;
    const auto count = [&](const Row& row) {
      ++fetched;
      if (callbacks.ok()) callbacks = callback(row);
      return absl::OkStatus();
    };
    QP_RETURN_IF_ERROR(send(fetch, {}, count));
  }
  const absl::Status closed = send("CLOSE qp_stream", {}, Ignore);
  return callbacks.ok() ? closed : callbacks;
}

absl::StatusOr<Inserted> PostgresConnection::InsertMany(const Batch& batch,
                                                        const InsertOptions& options) {
  const size_t columns = batch.columns.size();
  const std::string sql =
      absl::StrCat("INSERT INTO ", AbslView(batch.table), " (", ColumnList(batch, 0, columns),
                   ") SELECT * FROM unnest(", ParameterList(columns), ")",
                   options.skip_existing ? " ON CONFLICT DO NOTHING" : "",
                   options.returning.empty() ? "" : " RETURNING ", AbslView(options.returning));
  Inserted inserted;
  const auto keep = [&](const Row& row) {
    inserted.returned.Add(row);
    return absl::OkStatus();
  };
  QP_ASSIGN_OR_RETURN(inserted.rows,
                      RunPrepared({batch.table, sql}, PostgresParameters::Arrays(batch), keep));
  return inserted;
}

absl::Status PostgresConnection::AddMany(const Batch& batch, size_t key_columns) {
  const size_t columns = batch.columns.size();
  const std::string sql = absl::StrCat(
      "INSERT INTO ", AbslView(batch.table), " (", ColumnList(batch, 0, columns),
      ") SELECT * FROM unnest(", ParameterList(columns), ")", AddOnConflict(batch, key_columns));
  return RunPrepared({batch.table, sql}, PostgresParameters::Arrays(batch), Ignore).status();
}

// What the URL says, in libpq's words, and what we add.
struct ConnectionParameters {
  std::vector<std::string> keywords;
  std::vector<std::string> values;

  void Set(absl::string_view keyword, absl::string_view value) {
    for (size_t i = 0; i < keywords.size(); ++i) {
      if (keywords[i] == keyword) {
        values[i] = std::string(value);
        return;
      }
    }
    keywords.emplace_back(keyword);
    values.emplace_back(value);
  }
};

std::vector<const char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<const char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& s : strings) pointers.push_back(s.c_str());
  pointers.push_back(nullptr);
  return pointers;
}

absl::StatusOr<ConnectionParameters> ParseUrl(const DatabaseOptions& options) {
  struct Free {
    void operator()(PQconninfoOption* parsed) const { PQconninfoFree(parsed); }
    void operator()(char* message) const { PQfreemem(message); }
  };
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, Free> parsed(
      PQconninfoParse(options.url.c_str(), &message));
  const std::unique_ptr<char, Free> freed(message);
  // libpq's message quotes the URL, and may quote the password.
  if (parsed == nullptr) return absl::InvalidArgumentError("SQL: the postgres URL is malformed");
  ConnectionParameters parameters;
  for (const PQconninfoOption* o = parsed.get(); o->keyword != nullptr; ++o) {
    if (o->val != nullptr) parameters.Set(o->keyword, o->val);
  }
  if (!options.password.empty()) parameters.Set("password", options.password);
  parameters.Set("client_encoding", "UTF8");
  parameters.Set("fallback_application_name", "quotaplane");
  return parameters;
}

}  // namespace

absl::StatusOr<Pool::Connect> PostgresConnector(const DatabaseOptions& options) {
  QP_ASSIGN_OR_RETURN(const ConnectionParameters parameters, ParseUrl(options));
  return [parameters, connect_timeout = options.connect_timeout,
          timeout = options.statement_timeout]() -> absl::StatusOr<std::unique_ptr<Connection>> {
    QP_ASSIGN_OR_RETURN(
        PostgresLink link,
        PostgresLink::Connect(
            Pointers(parameters.keywords).data(), Pointers(parameters.values).data(),
            std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(connect_timeout)));
    auto connection = std::make_unique<PostgresConnection>(std::move(link), timeout);
    QP_RETURN_IF_ERROR(connection->SetUp());
    return connection;
  };
}

}  // namespace quotaplane::sql
