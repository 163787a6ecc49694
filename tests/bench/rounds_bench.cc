// What a charge costs on its way into PostgreSQL where they come one by one, as from gateways: the
// ledger's worker with its pause between rounds against one without, in turns, at three rates.
// Processor time of PostgreSQL, of Redis, and of this process (worker and sender of charges).
//
//   rounds_bench [SECONDS-PER-TURN]
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/counters/redis/layout.h"
#include "libs/ledger/ledger_worker.h"
#include "libs/ledger/redis/outbox.h"
#include "libs/ledger/redis/outbox_scripts.h"
#include "libs/sql/database.h"
#include "libs/sql/migrate.h"
#include "libs/sql/month_partitions.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/redis_server.h"
#include "services/quota/charge_convert.h"
#include "tests/bench/ledger/backlog.h"
#include "tests/bench/ledger/usage.h"
#include "tests/bench/ledger_workload.h"

namespace quotaplane::bench {
namespace {

constexpr int kRates[] = {100, 400, 1'600};
constexpr absl::Duration kTick = absl::Milliseconds(5);

// Per charge, in µs.
struct Cost {
  double postgres = 0;
  double redis = 0;
  double here = 0;
  double charges_per_transaction = 0;

  double sum() const { return postgres + redis + here; }
};

class Bench {
 public:
  Bench()
      : database_(Opened(postgres_)),
        ledger_(database_.get(), [](const Subject& subject) { return subject.team; }),
        traffic_(10'000'000) {
    redis::ClientOptions options;
    options.url = redis_.unix_url();
    auto client = redis::Client::Start(options, GetOutboxScripts().all());
    Must(client.status());
    client_ = *std::move(client);
    Must(client_->WaitReady(absl::Seconds(10)));
  }

  Cost Turn(int per_s, absl::Duration pause, absl::Duration length) {
    RedisOutbox outbox(client_.get(), {.partitions = kDefaultPartitions, .reader = "bench"});
    LedgerWorkerOptions options;
    options.pause = pause;
    options.now_us = [] { return absl::ToUnixMicros(absl::Now()); };
    int64_t transactions = 0;  // on the worker's thread, which has ended when it is read
    options.on_written = [&](std::span<const SettledCharge>, int64_t) { ++transactions; };
    ChildrenCpu backends(postgres_.pid());
    backends.Look();
    const double postgres = backends.seconds();
    const double redis = CpuSeconds(redis_.pid());
    const double here = CpuSeconds(getpid());
    const int64_t first = next_;
    {
      const LedgerWorker worker(&outbox, &ledger_, &codec_, options);
      const absl::Time start = absl::Now();
      for (absl::Time now = start; now < start + length; now = absl::Now()) {
        const auto due = first + static_cast<int64_t>(absl::ToDoubleSeconds(now - start) * per_s);
        if (due > next_) PutCharges(redis_.socket_path(), traffic_, codec_, next_, due - next_);
        next_ = std::max(next_, due);
        absl::SleepFor(kTick);
      }
      while (Waiting(redis_.socket_path()) > 0) absl::SleepFor(kTick);
    }
    backends.Look();
    const auto charges = static_cast<double>(next_ - first);
    return {(backends.seconds() - postgres) * 1e6 / charges,
            (CpuSeconds(redis_.pid()) - redis) * 1e6 / charges,
            (CpuSeconds(getpid()) - here) * 1e6 / charges,
            charges / static_cast<double>(std::max<int64_t>(1, transactions))};
  }

 private:
  static std::unique_ptr<sql::Database> Opened(const fixtures::PostgresServer& server) {
    auto database = sql::Database::Open({.url = server.url()});
    Must(database.status());
    Must(sql::Migrate(**database));
    Must(sql::EnsureMonthPartitions(**database, kMonthStartUs, kMonthEndUs));
    return *std::move(database);
  }

  const fixtures::PostgresServer postgres_{{.fsync = true}};
  const fixtures::RedisServer redis_;
  const std::unique_ptr<sql::Database> database_;
  LedgerWriter ledger_;
  const LedgerCodec codec_;
  const Traffic traffic_;
  std::unique_ptr<redis::Client> client_;
  int64_t next_ = 0;
};

void Print(int per_s, const char* name, const Cost& cost) {
  std::printf("%9d  %-14s %12.1f %12.0f %8.0f %8.0f %8.0f\n", per_s, name,
              cost.charges_per_transaction, cost.postgres, cost.redis, cost.here, cost.sum());
}

int Run(absl::Duration turn) {
  Bench bench;
  bench.Turn(kRates[0], absl::ZeroDuration(), turn);  // caches, connections
  std::printf("%9s  %-14s %12s %12s %8s %8s %8s\n", "charges/s", "rounds", "charges each",
              "PostgreSQL", "Redis", "here", "us each");
  for (const int rate : kRates) {
    const Cost at_once = bench.Turn(rate, absl::ZeroDuration(), turn);
    const Cost apart = bench.Turn(rate, LedgerWorkerOptions().pause, turn);
    Print(rate, "at once", at_once);
    Print(rate, "apart", apart);
    std::printf("%9s  %-14s %56.2f\n", "", "ratio", apart.sum() / at_once.sum());
  }
  return 0;
}

}  // namespace
}  // namespace quotaplane::bench

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::strtod(argv[1], nullptr) : 5;
  return quotaplane::bench::Run(absl::Seconds(seconds > 0 ? seconds : 5));
}
