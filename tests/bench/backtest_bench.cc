// A policy tried against a month of charges in PostgreSQL and in SQLite: entries per second, and
// what a plan of the same policy takes. --entries N (10 million take a quarter of an hour, most of
// it to fill the databases), --database postgres|sqlite, --json FILE.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/backtest/backtest.h"
#include "libs/backtest/plan.h"
#include "libs/config/policy_reader.h"
#include "libs/ledger/ledger_rows.h"
#include "libs/ledger/ledger_writer.h"
#include "libs/sql/database.h"
#include "libs/sql/migrate.h"
#include "libs/sql/month_partitions.h"
#include "libs/testing/fatal.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/temp_dir.h"
#include "tests/bench/ledger/traffic.h"
#include "tests/bench/machine.h"

namespace quotaplane::bench {
namespace {

constexpr int64_t kChargesAtOnce = 8'000;
// Two entries of the org for each charge: of five charges four are its, with 2.5 lines.
constexpr int64_t kEntriesPerCharge = 2;

// What a company would have: budgets by person, team and project, rates by key, and rules.
constexpr char kPolicy[] = R"(
defaults: {on_outage: deny}
limits:
  - id: user-month
    per: [user]
    unit: usd
    amount: 150
    window: month
    overrides:
      - {user: user-7@example.com, amount: 2000}
      - {user: user-11@example.com, amount: 5}
  - {id: team-month, per: [team], unit: usd, amount: 6000, window: month}
  - {id: project-ever, per: [project], unit: usd, amount: 100000, window: lifetime}
  - {id: user-day-tokens, per: [user], unit: total_tokens, amount: 3000000, window: day, hold: none}
  - {id: key-minute, per: [api_key], unit: requests, amount: 30, window: 60s}
  - {id: opus-week, per: [team], when: {model: "claude-opus-*"}, unit: usd, amount: 300, window: 7d,
     on_exceed: soft}
  - {id: org-day, per: [], unit: usd, amount: 20000, window: day, time_zone: Europe/Berlin}
models:
  - {id: interns, when: {team: [team-3, team-5]}, deny: ["claude-opus-*"]}
)";

using Clock = std::chrono::steady_clock;
double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) fixtures::Fatal(value.status().ToString());
  return *std::move(value);
}
void Must(const absl::Status& status) {
  if (!status.ok()) fixtures::Fatal(status.ToString());
}

// As the ledger's worker writes them, but for keys and rollups, which a backtest does not read.
void Fill(sql::Database& database, int64_t charges) {
  Must(sql::Migrate(database));
  Must(sql::EnsureMonthPartitions(database, kMonthStartUs, kMonthStartUs));
  const Traffic traffic(charges);
  for (int64_t from = 0; from < charges; from += kChargesAtOnce) {
    std::deque<SettledCharge> settled;
    LedgerRows rows(kMonthEndUs);
    for (int64_t i = from; i < std::min(charges, from + kChargesAtOnce); ++i) {
      Charged charged = traffic.At(i);
      settled.push_back({std::move(charged.record), {charged.outcome.now_us, 0, 0, false, false}});
      const ChargeRecord& record = settled.back().charge;
      rows.Add(settled.back(), ChargeKey(record.subject.org, record.id), "");
    }
    Must(database.InsertMany(rows.entries()).status());
    std::fprintf(stderr, "\r  filling: %3d %%",
                 static_cast<int>(100 * (from + kChargesAtOnce) / (charges + kChargesAtOnce)));
  }
  std::fprintf(stderr, "\n");
  if (database.dialect() == sql::Dialect::kPostgres) {
    Must(database.RunScript({"analyze", "ANALYZE ledger_entries", absl::Minutes(10)}));
  }
}

int64_t ProcessorUs() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

nlohmann::json Measure(const std::string& name, const std::string& url, int64_t charges) {
  const auto database = Must(sql::Database::Open({.url = url}));
  Fill(*database, charges);
  const auto policy = Must(ParsePolicy(kPolicy, "policy.yaml"));
  const auto nothing = Must(Policy::Build({}));
  const Clock::time_point begin = Clock::now();
  const int64_t begin_processor_us = ProcessorUs();
  const auto show = [](const BacktestProgress& progress) {
    std::fprintf(stderr, "\r  replaying: %3d %%", static_cast<int>(100 * progress.progress));
    return true;
  };
  const BacktestResult result =
      Must(RunBacktest(*database, {kReportedOrg, policy.get(), kMonthStartUs, kMonthEndUs}, show));
  const double backtest_s = SecondsSince(begin);
  const double own_us = static_cast<double>(ProcessorUs() - begin_processor_us);
  std::fprintf(stderr, "\n");
  const Clock::time_point begin_plan = Clock::now();
  const PolicyPlan plan =
      Must(PlanPolicy(*database, {kReportedOrg, nothing.get(), policy.get(), kMonthEndUs - 1},
                      [] { return true; }));
  const double plan_s = SecondsSince(begin_plan);
  const auto entries = static_cast<double>(result.entries);
  std::cout << absl::StrFormat(
      "%-9s %9d entries in %5.1f s: %7.0f/s, %4.2f us of this process each; %d of %d charges "
      "refused;"
      " plan of %d scopes %5.1f s\n",
      name, result.entries, backtest_s, entries / backtest_s, own_us / entries, result.refused,
      result.charges, static_cast<int64_t>(plan.scopes.size()) + plan.unlisted_scopes, plan_s);
  return {{"database", name},
          {"entries", result.entries},
          {"charges", result.charges},
          {"refused", result.refused},
          {"backtest_s", backtest_s},
          {"entries_per_s", entries / backtest_s},
          {"own_processor_us_per_entry", own_us / entries},
          {"plan_s", plan_s}};
}

nlohmann::json Run(int64_t charges, const std::string& only) {
  nlohmann::json databases = nlohmann::json::array();
  if (only != "sqlite") {
    const fixtures::PostgresServer server(
        {.config = {"shared_buffers = 1GB", "max_wal_size = 4GB", "checkpoint_timeout = 15min"}});
    databases.push_back(Measure("postgres", server.url(), charges));
  }
  if (only != "postgres") {
    const fixtures::TempDir dir;
    databases.push_back(Measure("sqlite", absl::StrCat("sqlite:", dir.File("ledger.db")), charges));
  }
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::cout << absl::StrFormat("at most %d MiB of memory\n", usage.ru_maxrss / 1024);
  return {{"cpu", CpuModel()},
          {"cores", sysconf(_SC_NPROCESSORS_ONLN)},
          {"max_rss_mib", usage.ru_maxrss / 1024},
          {"databases", databases}};
}

}  // namespace
}  // namespace quotaplane::bench

int main(int argc, char** argv) {
  int64_t entries = 1'000'000;
  std::string only;
  std::string json_file;
  CLI::App app("Measures backtests and plans; run it by tools/bench backtest");
  app.add_option("--entries", entries, "Entries of the month, about")
      ->check(CLI::Range(2'000, 40'000'000))
      ->capture_default_str();
  app.add_option("--database", only, "One database: postgres or sqlite")
      ->check(CLI::IsMember({"postgres", "sqlite"}));
  app.add_option("--json", json_file, "Where the results go, beside the terminal");
  CLI11_PARSE(app, argc, argv);
  const nlohmann::json results =
      quotaplane::bench::Run(entries / quotaplane::bench::kEntriesPerCharge, only);
  if (json_file.empty()) return 0;
  std::ofstream out(json_file);
  out << results.dump(2) << "\n" << std::flush;
  if (!out) std::fprintf(stderr, "backtest_bench: cannot write %s\n", json_file.c_str());
  return out ? 0 : 1;
}
