// What counting a refusal costs the thread that answers it. Calls that are allowed do not count.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "libs/admission/refusal_counts.h"

namespace quotaplane {
namespace {

std::vector<Subject> Subjects(int count) {
  std::vector<Subject> subjects;
  for (int i = 0; i < count; ++i) {
    subjects.push_back({"acme",
                        "search",
                        "web",
                        "user-" + std::to_string(i),
                        "key-1",
                        "claude-sonnet-4-5",
                        {{"agent", "ci"}, {"session", "s-1"}}});
  }
  return subjects;
}

// range(0): how many subjects are refused, again and again. 20,000 are past the bound.
void CountRefusals(benchmark::State& state) {
  static RefusalCounts* const kCounts = new RefusalCounts;
  const std::vector<Subject> subjects = Subjects(static_cast<int>(state.range(0)));
  size_t at = static_cast<size_t>(state.thread_index());
  for (auto _ : state) kCounts->Count(subjects[at++ % subjects.size()], 1'775'001'600'000'000);
  if (state.thread_index() == 0) benchmark::DoNotOptimize(kCounts->Take());
}
BENCHMARK(CountRefusals)->Arg(10)->Arg(9'000)->Arg(20'000)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace quotaplane

BENCHMARK_MAIN();
