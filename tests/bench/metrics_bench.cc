// What metrics cost the calls that they count: one latency into a histogram, a decision and a
// charge into the counts by org, team, project and model with the users that cost the most. By one
// thread and by two at once.
#include <benchmark/benchmark.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/admission/use_counts.h"
#include "libs/base/latency_histogram.h"

namespace quotaplane {
namespace {

constexpr int64_t kNowUs = int64_t{1'780'000'000} * 1'000'000;

// As the company of the load generator: some hundred teams and models, many more users.
std::vector<ChargeRecord> Charges() {
  std::vector<ChargeRecord> charges;
  for (int i = 0; i < 4'096; ++i) {
    ChargeRecord record;
    record.subject = {"acme",
                      absl::StrCat("team-", i % 60),
                      absl::StrCat("project-", i % 7),
                      absl::StrCat("user-", i),  // four times as many as are told apart
                      "",
                      absl::StrCat("model-", i % 3),
                      {}};
    for (const char* meter : {"input", "output", "cache_read"}) {
      ChargeLine line;
      line.model = record.subject.model;
      line.meter = meter;
      line.quantity = 100;
      line.cost_nano_usd = 1'000 + i;
      record.cost_nano_usd += line.cost_nano_usd;
      record.lines.push_back(line);
    }
    charges.push_back(std::move(record));
  }
  return charges;
}

void RecordLatency(benchmark::State& state) {
  static LatencyHistogram histogram;
  int64_t ns = 40'000;
  for (auto _ : state) {
    histogram.Record(std::chrono::nanoseconds(ns));
    ns = ns * 7 % 5'000'011;  // all over the buckets
  }
}
BENCHMARK(RecordLatency)->Threads(1)->Threads(2);

void CountDecision(benchmark::State& state) {
  static UseCounts counts;
  static const std::vector<ChargeRecord> kCharges = Charges();
  size_t i = static_cast<size_t>(state.thread_index()) * 1'000;
  for (auto _ : state) {
    counts.CountDecision(kCharges[i++ % kCharges.size()].subject, Decision::kAllow, false, kNowUs);
  }
}
BENCHMARK(CountDecision)->Threads(1)->Threads(2);

void CountCharge(benchmark::State& state) {
  static UseCounts counts;
  static const std::vector<ChargeRecord> kCharges = Charges();
  size_t i = static_cast<size_t>(state.thread_index()) * 1'000;
  for (auto _ : state) counts.CountCharge(kCharges[i++ % kCharges.size()], kNowUs);
}
BENCHMARK(CountCharge)->Threads(1)->Threads(2);

}  // namespace
}  // namespace quotaplane

BENCHMARK_MAIN();
