// How fast the outbox is emptied into PostgreSQL and SQLite by the program's ledger role, how fast
// its reports role answers then, and what both take of the machine. Every row gets into the ledger
// through the worker: nothing is loaded otherwise.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/sql/database.h"
#include "libs/testing/fatal.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/temp_dir.h"
#include "services/quota/charge_convert.h"
#include "tests/bench/ledger/ledger.h"
#include "tests/bench/machine.h"

namespace quotaplane::bench {
namespace {

struct Plan {
  std::string program;
  int64_t backlog = 5'000'000;
  int64_t entries = 10'000'000;
  std::string only;  // one database
};

// Two entries of the reported org for each charge: of five charges four are its, with 2.5 lines.
constexpr int64_t kReportedEntriesPerCharge = 2;

int64_t Number(sql::Database& database, std::string_view sql,
               absl::Span<const sql::Value> parameters = {}) {
  const auto rows = database.Query({"bench", sql, absl::Minutes(10)}, parameters);
  if (!rows.ok()) fixtures::Fatal(rows.status().ToString());
  return (*rows)[0][0].integer();
}

std::string Text(sql::Database& database, std::string_view sql) {
  const auto rows = database.Query({"bench", sql});
  if (!rows.ok()) fixtures::Fatal(rows.status().ToString());
  return std::string((*rows)[0][0].text());
}

void Say(const std::string& line) { std::fprintf(stderr, "  %s\n", line.c_str()); }

// On a Redis of its own, so that one database's backlog is as fresh as the other's.
Measured Measure(const Plan& plan, const std::string& name, const std::string& ledger_url,
                 pid_t database_pid) {
  const int64_t charges = std::min(plan.backlog, plan.entries / kReportedEntriesPerCharge);
  const Traffic traffic(charges);
  const LedgerCodec codec;
  const fixtures::RedisServer redis;
  Measured measured;
  measured.database = name;
  Say(absl::StrCat(name, ": filling the outbox"));
  const Backlog backlog = PutBacklog(redis.socket_path(), traffic, codec, plan.backlog);
  Say(absl::StrCat(name, ": draining it"));
  measured.drain = MeasureDrain(plan.program, redis, ledger_url, database_pid, backlog, charges);
  Say(absl::StrCat(name, ": reports and an export"));
  measured.month = MeasureMonth(plan.program, ledger_url);

  Say(absl::StrCat(name, ": checking the books"));
  const auto database = sql::Database::Open({.url = ledger_url});
  if (!database.ok()) fixtures::Fatal(database.status().ToString());
  CheckBooks(**database, charges == plan.backlog ? &backlog : nullptr);
  measured.month.day_rows = Number(
      **database,
      "SELECT COUNT(*) FROM rollup_day WHERE org = $1 AND bucket_us >= $2 AND bucket_us < $3",
      {kReportedOrg, kMonthStartUs, kMonthEndUs});
  measured.version = (*database)->dialect() == sql::Dialect::kSqlite
                         ? absl::StrCat("SQLite ", Text(**database, "SELECT sqlite_version()"))
                         : absl::StrCat("PostgreSQL ", Text(**database, "SHOW server_version"));
  return measured;
}

// With what an administrator would give it, and fsync: what is acknowledged survives a power cut.
Measured MeasurePostgres(const Plan& plan) {
  const fixtures::PostgresServer server(
      {.fsync = true,
       .config = {"shared_buffers = 1GB", "max_wal_size = 4GB", "checkpoint_timeout = 15min"}});
  return Measure(plan, "postgres", server.url(), server.pid());
}

Measured MeasureSqlite(const Plan& plan) {
  const fixtures::TempDir dir;
  return Measure(plan, "sqlite", absl::StrCat("sqlite:", dir.File("ledger.db")), 0);
}

Results Run(const Plan& plan) {
  const auto begin = std::chrono::steady_clock::now();
  Results results;
  if (plan.only != "sqlite") results.databases.push_back(MeasurePostgres(plan));
  if (plan.only != "postgres") results.databases.push_back(MeasureSqlite(plan));
  results.cpu = CpuModel();
  results.cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  results.date = absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone());
  results.run_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return results;
}

}  // namespace
}  // namespace quotaplane::bench

int main(int argc, char** argv) {
  quotaplane::bench::Plan plan;
  std::string commit = "unknown";
  std::string json_file;
  CLI::App app("Measures the way from the outbox to a report; run it by tools/bench ledger");
  app.add_option("--program", plan.program, "The quotaplane binary")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--json", json_file, "Where the results go")->required();
  app.add_option("--commit", commit, "The commit that is measured, for the record");
  app.add_option("--backlog", plan.backlog, "Charges that wait when a worker starts")
      ->check(CLI::Range(1'000, 20'000'000))
      ->capture_default_str();
  app.add_option("--entries", plan.entries,
                 "Entries of the month that is reported on, about; at most two for each charge of "
                 "the backlog")
      ->check(CLI::Range(2'000, 40'000'000))
      ->capture_default_str();
  app.add_option("--only", plan.only, "One database: postgres or sqlite")
      ->check(CLI::IsMember({"postgres", "sqlite"}));
  CLI11_PARSE(app, argc, argv);

  quotaplane::bench::Results results = quotaplane::bench::Run(plan);
  results.commit = commit;
  std::cout << quotaplane::bench::TextReport(results);
  std::ofstream out(json_file);
  out << quotaplane::bench::JsonReport(results) << std::flush;
  if (!out) std::fprintf(stderr, "ledger_bench: cannot write %s\n", json_file.c_str());
  return out ? 0 : 1;
}
