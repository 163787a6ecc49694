// What one run of the benchmark found, and the targets it is held to.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace quotaplane::bench {

inline constexpr double kTargetEntriesPerS = 20'000;
inline constexpr double kTargetReportMs = 200;
inline constexpr double kTargetWorkerMib = 200;

// How the outbox was emptied into one database.
struct Drain {
  int64_t backlog_charges = 0;  // that waited when it began
  int64_t charges = 0;          // that were taken out and acknowledged
  int64_t entries = 0;          // their rows in ledger_entries
  double seconds = 0;           // from the worker's start to the last acknowledgement
  // Entries per second in each tenth of the time.
  std::vector<double> tenths;
  double worker_rss_mib = 0;  // at most
  double redis_rss_mib = 0;   // with the backlog in it
  // Of one processor each, on average.
  double worker_cpu = 0;
  double database_cpu = 0;  // PostgreSQL's processes; SQLite is part of the worker
  double redis_cpu = 0;
  std::string load_average;  // at the end; of the whole machine

  // Processor time for each entry: unlike the rate it hardly depends on what else the machine does.
  double CpuUsPerEntry(double cpu) const {
    return entries > 0 ? cpu * seconds * 1e6 / static_cast<double>(entries) : 0;
  }
  double EntriesPerS() const { return seconds > 0 ? static_cast<double>(entries) / seconds : 0; }
};

// Calls of the reports' server about the month.
struct Month {
  int64_t entries = 0;   // of the org, that the report is about
  int64_t day_rows = 0;  // of rollup_day that it is added up from
  int64_t teams = 0;
  double first_ms = 0;  // the server's first call
  std::vector<double> report_ms;
  int64_t export_bytes = 0;
  double export_s = 0;
  double export_rss_mib = 0;  // of the server, at most
  std::string load_average;

  double MedianMs() const;
  double WorstMs() const;
};

struct Measured {
  std::string database;  // "postgres", "sqlite"
  std::string version;
  Drain drain;
  Month month;
};

struct Results {
  std::vector<Measured> databases;
  std::string commit;
  std::string cpu;
  int cores = 0;
  std::string date;  // RFC 3339, UTC
  double run_s = 0;

  double WorkerRssMib() const;
};

struct Target {
  std::string what;
  double measured = 0;
  double bound = 0;
  bool at_most = true;  // otherwise at least
  std::string unit;
  bool met() const { return at_most ? measured <= bound : measured >= bound; }
};
std::vector<Target> Targets(const Results& results);

// Keys: for each database drain_entries_per_s, month_report_ms, month_report_entries and what is
// behind them; worker_rss_mib; meta.
std::string JsonReport(const Results& results);
// For a terminal.
std::string TextReport(const Results& results);

}  // namespace quotaplane::bench
