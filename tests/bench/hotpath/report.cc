#include "tests/bench/hotpath/report.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace quotaplane::bench {
namespace {

// Keeps the keys in the order in which they are written here.
using Json = nlohmann::ordered_json;

double Us(int64_t ns) { return static_cast<double>(ns) / 1e3; }

double Rounded(double value) { return std::round(value * 100) / 100; }

Json Quantiles(const Histogram& latency) {
  return {{"p50_us", Rounded(Us(latency.ValueAt(0.5)))},
          {"p99_us", Rounded(Us(latency.ValueAt(0.99)))},
          {"p999_us", Rounded(Us(latency.ValueAt(0.999)))}};
}

Json OpenRows(const Results& results) {
  Json rows = Json::array();
  for (const OpenRow& row : results.open) {
    rows.push_back({{"pairs_per_s", row.rate},
                    {"pair", Quantiles(row.pooled.pair)},
                    {"reserve", Quantiles(row.pooled.reserve)},
                    {"commit", Quantiles(row.pooled.commit)},
                    {"held", row.held}});
  }
  return rows;
}

std::string ClosedTable(const Results& results) {
  std::string out = absl::StrFormat("%-10s%10s%12s%10s%10s%10s%12s\n", "", "in flight", "per s",
                                    "p50 µs", "p99 µs", "p99.9 µs", "Redis µs");
  for (const auto& [operation, cells] : results.closed) {
    for (const auto& [in_flight, cell] : cells) {
      const std::string name = in_flight == kInFlightLevels[0] ? NameOf(operation) : "";
      absl::StrAppendFormat(&out, "%-10s%10d%12.0f%9.0f%9.0f%9.0f", name, in_flight,
                            cell.MedianPerS(), Us(cell.latency.ValueAt(0.5)),
                            Us(cell.latency.ValueAt(0.99)), Us(cell.latency.ValueAt(0.999)));
      if (!cell.redis_us.empty()) absl::StrAppendFormat(&out, "%11.1f", Median(cell.redis_us));
      out += '\n';
    }
  }
  return out;
}

std::string OpenTable(const Results& results) {
  std::string out = absl::StrFormat("%-20s%10s%10s%13s%13s\n", "open loop, pairs/s", "p50 µs",
                                    "p99 µs", "Reserve p99", "Commit p99");
  for (const OpenRow& row : results.open) {
    absl::StrAppendFormat(&out, "%-20.0f%9.0f%9.0f%13.0f%13.0f  %s\n", row.rate,
                          Us(row.pooled.pair.ValueAt(0.5)), Us(row.pooled.pair.ValueAt(0.99)),
                          Us(row.pooled.reserve.ValueAt(0.99)), Us(row.pooled.commit.ValueAt(0.99)),
                          row.held ? "p99 < 1 ms" : "");
  }
  absl::StrAppendFormat(&out, "highest rate with p99 < 1 ms: %.0f pairs/s\n",
                        results.PairsPerSUnderTarget());
  return out;
}

}  // namespace

std::string JsonReport(const Results& results) {
  Json json;
  for (const auto& [operation, cells] : results.closed) {
    for (const auto& [in_flight, cell] : cells) {
      Json entry = {{"per_s", std::round(cell.MedianPerS())}};
      entry.update(Quantiles(cell.latency));
      json[NameOf(operation)][absl::StrCat(in_flight)] = entry;
    }
  }
  json["pairs_per_s_p99_under_1ms"] = std::round(results.PairsPerSUnderTarget());
  json["redis_us_per_reserve"] = Rounded(results.redis_us_per_reserve);
  json["redis_us_per_commit"] = Rounded(results.redis_us_per_commit);
  json["redis_bytes_per_calendar_counter"] = Rounded(results.redis_bytes_per_calendar_counter);
  json["redis_bytes_per_sliding_counter"] = Rounded(results.redis_bytes_per_sliding_counter);
  json["server_rss_mib"] = Rounded(results.server_rss_mib);

  Json targets = Json::array();
  for (const Target& target : Targets(results)) {
    targets.push_back({{"what", target.what},
                       {"measured", Rounded(target.measured)},
                       {target.at_most ? "at_most" : "at_least", target.bound},
                       {"unit", target.unit},
                       {"met", target.met()}});
  }
  json["meta"] = {{"commit", results.machine.commit},
                  {"date", results.machine.date},
                  {"cpu", results.machine.cpu},
                  {"cores", results.machine.cores},
                  {"redis", results.machine.redis},
                  {"open_loop", OpenRows(results)},
                  {"targets", targets}};
  return json.dump(2) + "\n";
}

std::string TextReport(const Results& results) {
  std::string out = absl::StrCat(ClosedTable(results), "\n", OpenTable(results), "\n");
  absl::StrAppendFormat(&out, "%-50s%10s%14s\n", "target", "measured", "bound");
  for (const Target& target : Targets(results)) {
    absl::StrAppendFormat(&out, "%-50s%10.2f %3s %6.2f %-3s %s\n", target.what, target.measured,
                          target.at_most ? "<=" : ">=", target.bound, target.unit,
                          target.met() ? "met" : "MISSED");
  }
  absl::StrAppendFormat(&out, "\nserver memory %.0f MiB; %s, %d cores, commit %s\n",
                        results.server_rss_mib, results.machine.cpu, results.machine.cores,
                        results.machine.commit);
  return out;
}

}  // namespace quotaplane::bench
