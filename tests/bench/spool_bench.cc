// Durable appends per second: what an outage of the counter store costs on this disk, by how many
// appends wait at once.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/synchronization/notification.h"
#include "libs/spool/spool.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane {
namespace {

constexpr int kRecordBytes = 300;  // about a commit's

// Keeps `in_flight` appends under way until `count` are durable.
void AppendMany(Spool& spool, int in_flight, int count) {
  struct Progress {
    std::atomic<int> left_to_start;
    std::atomic<int> left_to_finish;
    absl::Notification finished;
  };
  Progress progress;
  progress.left_to_start = count;
  progress.left_to_finish = count;
  std::function<void()> start = [&] {
    if (progress.left_to_start.fetch_sub(1) <= 0) return;
    spool.Append(std::string(kRecordBytes, 'r'), [&](const absl::Status& status) {
      if (!status.ok()) std::abort();
      const bool last = progress.left_to_finish.fetch_sub(1) == 1;
      start();
      if (last) progress.finished.Notify();
    });
  };
  for (int i = 0; i < in_flight; ++i) start();
  progress.finished.WaitForNotification();
}

void BM_DurableAppends(benchmark::State& state) {
  const fixtures::TempDir dir;
  const std::unique_ptr<Spool> spool =
      *Spool::Open(dir.File("spool"), {.max_bytes = int64_t{64} << 30});
  const auto in_flight = static_cast<int>(state.range(0));
  const int count = in_flight * 20;
  for (auto _ : state) AppendMany(*spool, in_flight, count);
  state.SetItemsProcessed(state.iterations() * count);
  state.SetBytesProcessed(state.iterations() * count * kRecordBytes);
}
BENCHMARK(BM_DurableAppends)->RangeMultiplier(4)->Range(1, 1024)->UseRealTime();

// Draining after the outage, acknowledgements included.
void BM_Drain(benchmark::State& state) {
  constexpr int kRecords = 50'000;
  for (auto _ : state) {
    state.PauseTiming();
    const fixtures::TempDir dir;
    const std::unique_ptr<Spool> spool = *Spool::Open(dir.File("spool"));
    AppendMany(*spool, 1024, kRecords);
    state.ResumeTiming();
    while (std::optional<Spool::Entry> entry = spool->Next(absl::ZeroDuration())) {
      spool->Acknowledge(entry->position);
    }
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}
BENCHMARK(BM_Drain)->UseRealTime()->Unit(benchmark::kMillisecond);

// Open after a crash, with that many records left.
void BM_Recover(benchmark::State& state) {
  const fixtures::TempDir dir;
  const auto records = static_cast<int>(state.range(0));
  AppendMany(**Spool::Open(dir.File("spool")), 1024, records);
  for (auto _ : state) benchmark::DoNotOptimize(*Spool::Open(dir.File("spool")));
  state.SetItemsProcessed(state.iterations() * records);
}
BENCHMARK(BM_Recover)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quotaplane

BENCHMARK_MAIN();
