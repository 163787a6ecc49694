#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/testing/fatal.h"
#include "tests/bench/ledger/ledger.h"
#include "tests/bench/ledger/usage.h"
#include "tests/bench/program.h"
#include "tools/terminal/format.h"
#include "tools/terminal/progress.h"

namespace quotaplane::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookAgain(250);
constexpr std::chrono::minutes kPatience(1);

double Seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

struct Sample {
  double at_s = 0;
  int64_t charges = 0;  // acknowledged by then
};

// The share of all that was acknowledged in each tenth of the time, as a rate.
std::vector<double> TenthsOf(const std::vector<Sample>& samples, double entries_per_charge) {
  std::vector<double> tenths;
  const double end_s = samples.back().at_s;
  const auto charges_at = [&](double at_s) {
    const auto after =
        std::lower_bound(samples.begin(), samples.end(), at_s,
                         [](const Sample& sample, double value) { return sample.at_s < value; });
    if (after == samples.begin()) return static_cast<double>(after->charges);
    if (after == samples.end()) return static_cast<double>(samples.back().charges);
    const Sample& before = *(after - 1);
    const double part = (at_s - before.at_s) / (after->at_s - before.at_s);
    return static_cast<double>(before.charges) +
           part * static_cast<double>(after->charges - before.charges);
  };
  for (int i = 0; i < 10; ++i) {
    const double charges = charges_at(end_s * (i + 1) / 10) - charges_at(end_s * i / 10);
    tenths.push_back(charges * entries_per_charge / (end_s / 10));
  }
  return tenths;
}

std::string ProgressLine(int64_t done, int64_t wanted, double seconds, double entries_per_charge) {
  const double rate = static_cast<double>(done) / std::max(seconds, 0.1);
  const double left_s = rate > 0 ? static_cast<double>(wanted - done) / rate : 0;
  return absl::StrCat(
      "draining: ", terminal::FormatCount(done), " of ", terminal::FormatCount(wanted),
      " charges, ", terminal::FormatCount(std::llround(rate * entries_per_charge)),
      " entries/s, about ", terminal::FormatSpan(absl::Seconds(std::max(left_s, 0.0))), " left");
}

}  // namespace

Drain MeasureDrain(const std::string& program, const fixtures::RedisServer& redis,
                   const std::string& ledger_url, pid_t database_pid, const Backlog& backlog,
                   int64_t charges) {
  Drain drain;
  drain.backlog_charges = backlog.charges;
  drain.redis_rss_mib = PeakRssMib(redis.pid());
  const double per_charge =
      static_cast<double>(backlog.entries) / static_cast<double>(backlog.charges);
  const double redis_before = CpuSeconds(redis.pid());
  const Clock::time_point begin = Clock::now();
  Program worker(program,
                 {"--roles", "ledger", "--redis", redis.unix_url(), "--ledger", ledger_url});
  ChildrenCpu database(database_pid);
  std::vector<Sample> samples = {{0, 0}};
  std::atomic<int64_t> acknowledged = 0;
  {
    const terminal::Progress progress([&] {
      return ProgressLine(acknowledged, charges, Seconds(Clock::now() - begin), per_charge);
    });
    Clock::time_point moved = begin;
    while (acknowledged < charges) {
      std::this_thread::sleep_for(kLookAgain);
      const int64_t done = backlog.charges - Waiting(redis.socket_path());
      const Clock::time_point now = Clock::now();
      samples.push_back({Seconds(now - begin), done});
      if (done > acknowledged) moved = now;
      acknowledged = done;
      if (database_pid != 0) database.Look();
      if (!worker.running() || now - moved > kPatience) {
        fixtures::Fatal(absl::StrCat("the outbox is not emptied:\n", worker.LogTail()));
      }
    }
  }
  drain.seconds = samples.back().at_s;
  drain.worker_rss_mib = PeakRssMib(worker.pid());
  drain.worker_cpu = CpuSeconds(worker.pid()) / drain.seconds;
  drain.database_cpu = database.seconds() / drain.seconds;
  drain.redis_cpu = (CpuSeconds(redis.pid()) - redis_before) / drain.seconds;
  drain.load_average = LoadAverage();
  // What it finishes while it stops counts for nothing.
  worker.Stop();
  drain.charges = acknowledged;
  drain.entries = std::llround(static_cast<double>(drain.charges) * per_charge);
  drain.tenths = TenthsOf(samples, per_charge);
  return drain;
}

}  // namespace quotaplane::bench
