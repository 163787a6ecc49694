#include "tests/bench/ledger/results.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "tools/terminal/format.h"

namespace quotaplane::bench {
namespace {

// Keeps the keys in the order in which they are written here.
using Json = nlohmann::ordered_json;

double Rounded(double value) { return std::round(value * 100) / 100; }

Json DatabaseJson(const Measured& measured) {
  const Drain& drain = measured.drain;
  const Month& month = measured.month;
  Json tenths = Json::array();
  for (const double tenth : drain.tenths) tenths.push_back(std::round(tenth));
  return {{"drain_entries_per_s", std::round(drain.EntriesPerS())},
          {"month_report_ms", Rounded(month.MedianMs())},
          {"month_report_entries", month.entries},
          {"version", measured.version},
          {"backlog_charges", drain.backlog_charges},
          {"drained_charges", drain.charges},
          {"drained_entries", drain.entries},
          {"drain_seconds", Rounded(drain.seconds)},
          {"drain_entries_per_s_by_tenth", tenths},
          {"drain_cpu",
           {{"worker", Rounded(drain.worker_cpu)},
            {"database", Rounded(drain.database_cpu)},
            {"redis", Rounded(drain.redis_cpu)}}},
          {"drain_cpu_us_per_entry",
           {{"worker", Rounded(drain.CpuUsPerEntry(drain.worker_cpu))},
            {"database", Rounded(drain.CpuUsPerEntry(drain.database_cpu))},
            {"redis", Rounded(drain.CpuUsPerEntry(drain.redis_cpu))}}},
          {"drain_loadavg", drain.load_average},
          {"worker_rss_mib", Rounded(drain.worker_rss_mib)},
          {"redis_rss_mib", Rounded(drain.redis_rss_mib)},
          {"month_report_source", "rollup_day"},
          {"month_report_source_rows", month.day_rows},
          {"month_report_teams", month.teams},
          {"month_report_first_ms", Rounded(month.first_ms)},
          {"month_report_worst_ms", Rounded(month.WorstMs())},
          {"month_report_calls", month.report_ms.size()},
          {"month_report_loadavg", month.load_average},
          {"export_entries_per_s",
           std::round(static_cast<double>(month.entries) / std::max(month.export_s, 1e-9))},
          {"export_bytes", month.export_bytes},
          {"export_server_rss_mib", Rounded(month.export_rss_mib)}};
}

std::string DatabaseText(const Measured& measured) {
  using terminal::FormatCount;
  const Drain& drain = measured.drain;
  const Month& month = measured.month;
  std::string out = absl::StrCat(measured.database, " (", measured.version, ")\n");
  absl::StrAppendFormat(
      &out,
      "  drain   %s entries of %s charges in %.0f s: %s entries/s (first tenth %s, last %s)\n",
      FormatCount(drain.entries), FormatCount(drain.charges), drain.seconds,
      FormatCount(std::llround(drain.EntriesPerS())),
      FormatCount(std::llround(drain.tenths.front())),
      FormatCount(std::llround(drain.tenths.back())));
  absl::StrAppendFormat(&out,
                        "          processor time per entry: worker %.1f µs, database %.1f µs, "
                        "Redis %.1f µs; load %s\n",
                        drain.CpuUsPerEntry(drain.worker_cpu),
                        drain.CpuUsPerEntry(drain.database_cpu),
                        drain.CpuUsPerEntry(drain.redis_cpu), drain.load_average);
  absl::StrAppendFormat(&out, "          worker %.0f MiB with %s charges waiting; Redis %.0f MiB\n",
                        drain.worker_rss_mib, FormatCount(drain.backlog_charges),
                        drain.redis_rss_mib);
  absl::StrAppendFormat(
      &out,
      "  report  month by team, %s entries from %s rows of rollup_day: %.0f ms (worst %.0f, first "
      "call %.0f); load %s\n",
      FormatCount(month.entries), FormatCount(month.day_rows), month.MedianMs(), month.WorstMs(),
      month.first_ms, month.load_average);
  absl::StrAppendFormat(&out,
                        "  export  %s entries, %.0f MB of CSV in %.0f s; server at most %.0f MiB\n",
                        FormatCount(month.entries), static_cast<double>(month.export_bytes) / 1e6,
                        month.export_s, month.export_rss_mib);
  return out;
}

}  // namespace

double Month::MedianMs() const {
  std::vector<double> sorted = report_ms;
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

double Month::WorstMs() const {
  return report_ms.empty() ? 0 : *std::max_element(report_ms.begin(), report_ms.end());
}

double Results::WorkerRssMib() const {
  double most = 0;
  for (const Measured& measured : databases) most = std::max(most, measured.drain.worker_rss_mib);
  return most;
}

std::vector<Target> Targets(const Results& results) {
  std::vector<Target> targets;
  for (const Measured& measured : results.databases) {
    targets.push_back({absl::StrCat("drain into ", measured.database), measured.drain.EntriesPerS(),
                       kTargetEntriesPerS, false, "entries/s"});
  }
  for (const Measured& measured : results.databases) {
    targets.push_back({absl::StrCat("month by team, ", measured.database),
                       measured.month.MedianMs(), kTargetReportMs, true, "ms"});
  }
  targets.push_back({"worker's memory", results.WorkerRssMib(), kTargetWorkerMib, true, "MiB"});
  return targets;
}

std::string JsonReport(const Results& results) {
  Json json;
  for (const Measured& measured : results.databases) {
    json[measured.database] = DatabaseJson(measured);
  }
  json["worker_rss_mib"] = Rounded(results.WorkerRssMib());
  Json targets = Json::array();
  for (const Target& target : Targets(results)) {
    targets.push_back({{"what", target.what},
                       {"measured", Rounded(target.measured)},
                       {target.at_most ? "at_most" : "at_least", target.bound},
                       {"unit", target.unit},
                       {"met", target.met()}});
  }
  json["meta"] = {{"commit", results.commit},
                  {"date", results.date},
                  {"cpu", results.cpu},
                  {"cores", results.cores},
                  {"run_s", Rounded(results.run_s)},
                  {"targets", targets}};
  return json.dump(2) + "\n";
}

std::string TextReport(const Results& results) {
  std::string out;
  for (const Measured& measured : results.databases) {
    absl::StrAppend(&out, DatabaseText(measured), "\n");
  }
  absl::StrAppendFormat(&out, "%-32s%10s%14s\n", "target", "measured", "bound");
  for (const Target& target : Targets(results)) {
    absl::StrAppendFormat(&out, "%-32s%10.0f %3s %6.0f %-9s %s\n", target.what, target.measured,
                          target.at_most ? "<=" : ">=", target.bound, target.unit,
                          target.met() ? "met" : "MISSED");
  }
  absl::StrAppendFormat(&out, "\n%s, %d cores, commit %s, %.0f s in all\n", results.cpu,
                        results.cores, results.commit, results.run_s);
  return out;
}

}  // namespace quotaplane::bench
