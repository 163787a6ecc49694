#include "tests/bench/hotpath/results.h"

#include <algorithm>

namespace quotaplane::bench {

std::string NameOf(Operation operation) {
  switch (operation) {
    case Operation::kEmpty:
      return "empty";
    case Operation::kReserve:
      return "reserve";
    case Operation::kCommit:
      return "commit";
    case Operation::kPair:
      return "pair";
  }
  return "";
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double Cell::MedianPerS() const { return Median(per_s); }

double Results::PairsPerSUnderTarget() const {
  double best = 0;
  for (const OpenRow& row : open) {
    if (row.held) best = std::max(best, row.rate);
  }
  return best;
}

std::vector<Target> Targets(const Results& results) {
  const auto& empty = results.closed.at(Operation::kEmpty);
  const auto& reserve = results.closed.at(Operation::kReserve);
  const auto p50 = [](const Cell& cell) { return static_cast<double>(cell.latency.ValueAt(0.5)); };
  std::vector<Target> targets = {
      {"Reserve p50 / empty call's p50, 1 in flight", p50(reserve.at(1)) / p50(empty.at(1)), 2,
       true, "x"},
      {"Reserve per s / empty calls per s, 16 in flight",
       reserve.at(16).MedianPerS() / empty.at(16).MedianPerS(), 0.33, false, "x"},
      {"Redis per Reserve", results.redis_us_per_reserve, 20, true, "µs"},
      {"Redis per Commit", results.redis_us_per_commit, 25, true, "µs"},
  };
  for (const OpenRow& row : results.open) {
    if (row.rate != kTargetPairsPerS) continue;
    targets.push_back({"pair p99 at 2,500 pairs/s (median of runs)", Median(row.p99_us),
                       kTargetP99Us, true, "µs"});
  }
  targets.push_back({"Redis bytes per calendar counter", results.redis_bytes_per_calendar_counter,
                     200, true, "B"});
  targets.push_back(
      {"Redis bytes per sliding counter", results.redis_bytes_per_sliding_counter, 800, true, "B"});
  return targets;
}

}  // namespace quotaplane::bench
