#include "tests/bench/propagation/results.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "tools/terminal/format.h"

namespace quotaplane::bench {
namespace {

using Json = nlohmann::ordered_json;

// The smallest value that at least `quantile` of them do not exceed.
double ValueAt(std::vector<double> values, double quantile) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<size_t>(std::ceil(quantile * static_cast<double>(values.size())));
  return values[std::max<size_t>(rank, 1) - 1];
}

double Rounded(double value) { return std::round(value * 100) / 100; }

Json EnforcedJson(const Enforced& enforced) {
  return {{"changes", enforced.ms.size()},
          {"p50_ms", Rounded(enforced.At(0.5))},
          {"p99_ms", Rounded(enforced.At(0.99))},
          {"max_ms", Rounded(enforced.At(1))},
          {"rpc_p50_ms", Rounded(enforced.RpcAt(0.5))},
          {"rpc_p99_ms", Rounded(enforced.RpcAt(0.99))}};
}

std::string EnforcedText(const Enforced& enforced) {
  return absl::StrFormat(
      "  %-16s %d changes: p50 %.0f ms, p99 %.0f ms, max %.0f ms (the call alone: %.0f, %.0f)\n",
      enforced.what, enforced.ms.size(), enforced.At(0.5), enforced.At(0.99), enforced.At(1),
      enforced.RpcAt(0.5), enforced.RpcAt(0.99));
}

}  // namespace

double Enforced::At(double quantile) const { return ValueAt(ms, quantile); }
double Enforced::RpcAt(double quantile) const { return ValueAt(rpc_ms, quantile); }

double Results::WorstP99Ms() const {
  double worst = 0;
  for (const Measured& run : runs) {
    for (const Enforced& enforced : run.changes) worst = std::max(worst, enforced.At(0.99));
  }
  return worst;
}

std::string JsonReport(const Results& results) {
  Json runs = Json::array();
  for (const Measured& run : results.runs) {
    Json changes = Json::object();
    for (const Enforced& enforced : run.changes) changes[enforced.what] = EnforcedJson(enforced);
    runs.push_back({{"database", run.database},
                    {"overrides", run.overrides},
                    {"keys", run.keys},
                    {"changes", changes},
                    {"fill_s", Rounded(run.fill_s)},
                    {"look_redis_us", Rounded(run.look_redis_us)},
                    {"idle_redis_share", std::round(run.idle_redis_share * 1e5) / 1e5},
                    {"loadavg", run.load_average}});
  }
  const Json report = {{"propagation_p99_ms", Rounded(results.WorstP99Ms())},
                       {"target_p99_ms", kTargetP99Ms},
                       {"runs", runs},
                       {"meta",
                        {{"commit", results.commit},
                         {"cpu", results.cpu},
                         {"cores", results.cores},
                         {"date", results.date}}}};
  return report.dump(2) + "\n";
}

std::string TextReport(const Results& results) {
  using terminal::FormatCount;
  std::string out;
  for (const Measured& run : results.runs) {
    absl::StrAppend(&out, run.database, ", ", FormatCount(run.overrides), " overrides, ",
                    FormatCount(run.keys), " keys\n");
    for (const Enforced& enforced : run.changes) absl::StrAppend(&out, EnforcedText(enforced));
    absl::StrAppendFormat(&out,
                          "  an empty board until both replicas had everything: %.1f s; a look "
                          "%.1f µs of Redis; two idle replicas %.2f %% of it; load %s\n",
                          run.fill_s, run.look_redis_us, 100 * run.idle_redis_share,
                          run.load_average);
  }
  absl::StrAppendFormat(&out, "%s: worst p99 %.0f ms, target under %.0f\n",
                        results.WorstP99Ms() < kTargetP99Ms ? "met" : "MISSED",
                        results.WorstP99Ms(), kTargetP99Ms);
  return out;
}

}  // namespace quotaplane::bench
