// How 5,000 rows get into a table of PostgreSQL fastest: the 29 columns of ledger_entries, in one
// transaction, skipping what a unique key forbids.
//
//   Unnest    one INSERT … SELECT FROM unnest($1, …), an array per column: what libs/sql does
//   CopyTemp  COPY (binary) into a temporary table, INSERT … SELECT from there, TRUNCATE
//   Rows      one INSERT … VALUES per row, prepared
#include <benchmark/benchmark.h>
#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/sql/database.h"
#include "libs/sql/migrate.h"
#include "libs/sql/month_partitions.h"
#include "libs/testing/postgres_server.h"
#include "tests/bench/ledger_workload.h"

namespace quotaplane {
namespace {

using bench::kEntries;
using bench::kStartUs;
using bench::LedgerWorkload;
using bench::Must;

std::unique_ptr<sql::Database> FreshLedger(const fixtures::PostgresServer& server) {
  auto database = sql::Database::Open({.url = server.url()});
  Must(database.status());
  Must(sql::Migrate(**database));
  Must(sql::EnsureMonthPartitions(**database, kStartUs, kStartUs));
  return *std::move(database);
}

void BM_Unnest(benchmark::State& state) {
  const fixtures::PostgresServer server;
  const auto database = FreshLedger(server);
  LedgerWorkload workload;
  for (auto _ : state) {
    Must(database->InsertMany(workload.Next().entries, {.skip_existing = true}).status());
  }
  state.SetItemsProcessed(state.iterations() * kEntries);
}
BENCHMARK(BM_Unnest)->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(3);

void BM_Rows(benchmark::State& state) {
  const fixtures::PostgresServer server;
  const auto database = FreshLedger(server);
  LedgerWorkload workload;
  std::string sql = "INSERT INTO ledger_entries VALUES (";
  for (int i = 1; i <= 29; ++i) absl::StrAppend(&sql, "$", i, ", ");
  sql += "NULL, NULL) ON CONFLICT DO NOTHING";
  for (auto _ : state) {
    const auto batches = workload.Next();
    auto transaction = database->Begin();
    Must(transaction.status());
    const absl::Span<const sql::Value> values(batches.entries.values);
    for (size_t i = 0; i < kEntries; ++i) {
      Must((*transaction)->Execute({"row", sql}, values.subspan(i * 29, 29)).status());
    }
    Must((*transaction)->Commit());
  }
  state.SetItemsProcessed(state.iterations() * kEntries);
}
BENCHMARK(BM_Rows)->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(3);

// The format of COPY BINARY: a header, rows of (length, bytes), a trailer.
class CopyBuffer {
 public:
  explicit CopyBuffer(const sql::Batch& batch) {
    buffer_.append("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    const size_t columns = batch.columns.size();
    for (size_t i = 0; i < batch.values.size(); ++i) {
      if (i % columns == 0) Put(columns, 2);
      const sql::Value& value = batch.values[i];
      if (value.type() == sql::Type::kInt) {
        Put(8, 4);
        Put(static_cast<uint64_t>(value.integer()), 8);
      } else {
        const std::string_view data =
            value.type() == sql::Type::kText ? value.text() : value.bytes();
        Put(data.size(), 4);
        buffer_.append(data);
      }
    }
    Put(0xFFFF, 2);
  }
  const std::string& bytes() const { return buffer_; }

 private:
  void Put(uint64_t number, int size) {
    for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) {
      buffer_ += static_cast<char>(number >> shift);
    }
  }
  std::string buffer_;
};

void Run(PGconn* connection, const char* sql, ExecStatusType expected = PGRES_COMMAND_OK) {
  PGresult* const result = PQexec(connection, sql);
  if (PQresultStatus(result) != expected) Must(absl::InternalError(PQerrorMessage(connection)));
  PQclear(result);
}

void BM_CopyTemp(benchmark::State& state) {
  const fixtures::PostgresServer server;
  FreshLedger(server);
  PGconn* const connection = PQconnectdb(server.url().c_str());
  // COPY does not convert: flags are BIGINT here, so that both ways send the same bytes.
  Run(connection,
      "CREATE TEMP TABLE incoming (LIKE ledger_entries);"
      "ALTER TABLE incoming ALTER late TYPE BIGINT, ALTER unreserved TYPE BIGINT,"
      " ALTER recorded TYPE BIGINT, ALTER unpriced TYPE BIGINT, ALTER spooled TYPE BIGINT,"
      " DROP corrects_key, DROP reason, DROP corrected_at_us, DROP corrected_by, DROP move_key");
  LedgerWorkload workload;
  for (auto _ : state) {
    const CopyBuffer buffer(workload.Next().entries);
    Run(connection, "BEGIN");
    Run(connection, "COPY incoming FROM STDIN (FORMAT binary)", PGRES_COPY_IN);
    const auto size = static_cast<int>(buffer.bytes().size());
    if (PQputCopyData(connection, buffer.bytes().data(), size) != 1 ||
        PQputCopyEnd(connection, nullptr) != 1) {
      Must(absl::InternalError(PQerrorMessage(connection)));
    }
    PGresult* const copied = PQgetResult(connection);
    if (PQresultStatus(copied) != PGRES_COMMAND_OK) {
      Must(absl::InternalError(PQresultErrorMessage(copied)));
    }
    PQclear(copied);
    PQclear(PQgetResult(connection));
    Run(connection,
        "INSERT INTO ledger_entries SELECT *, NULL, NULL FROM incoming ON CONFLICT DO NOTHING");
    Run(connection, "TRUNCATE incoming");
    Run(connection, "COMMIT");
  }
  PQfinish(connection);
  state.SetItemsProcessed(state.iterations() * kEntries);
}
BENCHMARK(BM_CopyTemp)->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(3);

}  // namespace
}  // namespace quotaplane

BENCHMARK_MAIN();
