// Ledger entries per second into each database, as the ledger's worker writes them: batches of
// 5,000, each in one durable transaction with its keys, its entries, and what they add to both
// rollups.
//
// The disk bounds neither: PostgreSQL and this process share the processors, SQLite is one thread.
#include <benchmark/benchmark.h>

#include <string>

#include "libs/sql/database.h"
#include "libs/sql/migrate.h"
#include "libs/sql/month_partitions.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/temp_dir.h"
#include "tests/bench/ledger_workload.h"

namespace quotaplane {
namespace {

using bench::kEntries;
using bench::kStartUs;
using bench::LedgerWorkload;
using bench::Must;

void WriteBatch(sql::Database& database, const LedgerWorkload::Batches& batches) {
  auto transaction = database.Begin();
  Must(transaction.status());
  const auto fresh =
      (*transaction)->InsertMany(batches.keys, {.skip_existing = true, .returning = "charge_key"});
  Must(fresh.status());
  if (fresh->returned.size() != batches.keys.rows()) Must(absl::InternalError("keys are not new"));
  Must((*transaction)->InsertMany(batches.entries).status());
  Must((*transaction)->AddMany(batches.hours, 8));
  Must((*transaction)->AddMany(batches.days, 8));
  Must((*transaction)->Commit());
}

void Drain(benchmark::State& state, const std::string& url) {
  auto database = sql::Database::Open({.url = url});
  Must(database.status());
  Must(sql::Migrate(**database));
  Must(sql::EnsureMonthPartitions(**database, kStartUs, kStartUs));
  LedgerWorkload workload;
  WriteBatch(**database, workload.Next());
  for (auto _ : state) WriteBatch(**database, workload.Next());
  state.SetItemsProcessed(state.iterations() * kEntries);
  state.counters["entries"] = static_cast<double>((state.iterations() + 1) * kEntries);
}

void BM_DrainPostgres(benchmark::State& state) {
  const fixtures::PostgresServer server(
      {.fsync = true,
       .config = {"shared_buffers = 256MB", "max_wal_size = 4GB", "checkpoint_timeout = 15min"}});
  Drain(state, server.url());
}
BENCHMARK(BM_DrainPostgres)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(60);

void BM_DrainSqlite(benchmark::State& state) {
  const fixtures::TempDir dir;
  Drain(state, "sqlite:" + dir.File("ledger.db"));
}
BENCHMARK(BM_DrainSqlite)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(60);

}  // namespace
}  // namespace quotaplane

BENCHMARK_MAIN();
