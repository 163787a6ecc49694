// A policy of 100,000 overrides on its way to a replica: encoded, decoded, built. Processor time of
// one thread.
#include <benchmark/benchmark.h>

#include "absl/strings/str_format.h"
#include "libs/policy/policy_builder.h"
#include "services/control/item_convert.h"

namespace quotaplane {
namespace {

PolicyDocument LargeDocument() {
  PolicyDocument document;
  document.limits = {DailyLimit("user-day", {"user"}, 10)};
  for (int i = 0; i < 100'000; ++i) {
    document.limits[0].overrides.push_back(For({{"user", absl::StrFormat("user-%06d", i)}}, i, ""));
  }
  return document;
}

void BM_Encode(benchmark::State& state) {
  const PolicyDocument document = LargeDocument();
  for (auto _ : state) {
    benchmark::DoNotOptimize(ProtoItemCodec().EncodePolicy("acme", 1, document));
  }
}
BENCHMARK(BM_Encode)->Unit(benchmark::kMillisecond);

void BM_Decode(benchmark::State& state) {
  const std::string body = ProtoItemCodec().EncodePolicy("acme", 1, LargeDocument());
  for (auto _ : state) benchmark::DoNotOptimize(ProtoItemCodec().DecodePolicy(body));
  state.counters["bytes"] = static_cast<double>(body.size());
}
BENCHMARK(BM_Decode)->Unit(benchmark::kMillisecond);

void BM_DecodeAndBuild(benchmark::State& state) {
  const std::string body = ProtoItemCodec().EncodePolicy("acme", 1, LargeDocument());
  for (auto _ : state) {
    benchmark::DoNotOptimize(Policy::Build(ProtoItemCodec().DecodePolicy(body)->document));
  }
}
BENCHMARK(BM_DecodeAndBuild)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quotaplane

BENCHMARK_MAIN();
