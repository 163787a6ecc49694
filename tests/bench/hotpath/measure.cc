#include "tests/bench/hotpath/measure.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "tests/bench/hotpath/client.h"
#include "tests/bench/hotpath/clock.h"
#include "tests/bench/hotpath/counter_memory.h"
#include "tests/bench/hotpath/population.h"
#include "tests/bench/hotpath/server.h"

namespace quotaplane::bench {
namespace {

// A gateway holds few connections; one call at a time uses one.
constexpr int kConnections = 4;
constexpr int kOpenRunsPerRate = 3;
constexpr double kHighestRate = 100'000;

void Progress(const std::string& line) { std::fprintf(stderr, "  %s\n", line.c_str()); }

class HotPath {
 public:
  explicit HotPath(const Plan& plan)
      : plan_(plan),
        server_(plan.program, plan.assets + "/policy.yaml", plan.assets + "/prices.yaml"),
        population_(plan.users, "bench"),
        single_(server_.target(), 1),
        several_(server_.target(), kConnections) {}

  void Run(Results* results) {
    Progress("warming up");
    for (const Operation operation : kOperations) RunCell(operation, 16, 1);
    for (int round = 1; round <= plan_.rounds; ++round) {
      for (const int in_flight : kInFlightLevels) {
        Progress(
            absl::StrCat("round ", round, " of ", plan_.rounds, ": ", in_flight, " in flight"));
        for (const Operation operation : kOperations) RunRound(operation, in_flight, results);
      }
    }
    results->redis_us_per_reserve = RedisUs(results->closed[Operation::kReserve]);
    results->redis_us_per_commit = RedisUs(results->closed[Operation::kCommit]);
    SearchRate(results);
    results->server_rss_mib = server_.RssMib();
    results->machine.redis =
        fixtures::InfoField(server_.Redis({"INFO", "server"}).text, "redis_version");
  }

 private:
  ClosedResult RunCell(Operation operation, int in_flight, double seconds) {
    return RunClosed(in_flight == 1 ? &single_ : &several_, population_, operation, in_flight,
                     seconds, &reservations_);
  }

  void RunRound(Operation operation, int in_flight, Results* results) {
    const Server::ScriptStats before = server_.Scripts();
    const int64_t begin_ns = NowNs();
    const ClosedResult run = RunCell(operation, in_flight, plan_.cell_s);
    const double seconds = static_cast<double>(NowNs() - begin_ns) / 1e9;
    const Server::ScriptStats after = server_.Scripts();
    Cell& cell = results->closed[operation][in_flight];
    cell.latency.Merge(run.latency);
    cell.per_s.push_back(run.per_s);

    const auto calls = static_cast<double>(after.calls - before.calls);
    const auto usec = static_cast<double>(after.usec - before.usec);
    if (operation == Operation::kEmpty) {
      background_ = {calls / seconds, usec / seconds};
    } else {
      cell.redis_us.push_back((usec - background_.usec_per_s * seconds) /
                              (calls - background_.calls_per_s * seconds));
    }
  }

  // Over all runs: while Redis waits for a core, its clock runs on, so single runs are off.
  static double RedisUs(const std::map<int, Cell>& cells) {
    std::vector<double> all;
    for (const auto& [in_flight, cell] : cells) {
      all.insert(all.end(), cell.redis_us.begin(), cell.redis_us.end());
    }
    return Median(all);
  }

  // A rate holds where most of its runs keep up with their p99 under the target.
  bool TryRate(double rate, Results* results) {
    OpenRow row;
    row.rate = rate;
    int held = 0;
    for (int run = 0; run < kOpenRunsPerRate; ++run) {
      OpenResult open =
          RunOpen(&several_, population_, rate, plan_.open_s, ++seed_, &reservations_);
      row.pooled.pair.Merge(open.pair);
      row.pooled.reserve.Merge(open.reserve);
      row.pooled.commit.Merge(open.commit);
      row.p99_us.push_back(static_cast<double>(open.pair.ValueAt(0.99)) / 1e3);
      held += !open.swamped && row.p99_us.back() < kTargetP99Us ? 1 : 0;
      // What the majority says is known after two alike, except at the rate that has a target of
      // its own.
      if (run == 1 && held != 1 && rate != kTargetPairsPerS) break;
    }
    row.held = 2 * held > static_cast<int>(row.p99_us.size());
    Progress(absl::StrCat("open loop, ", static_cast<int>(rate), " pairs/s: p99 ",
                          static_cast<int>(Median(row.p99_us)), " µs"));
    results->open.push_back(row);
    return row.held;
  }

  // Up from the target's rate by steps of 1.4 (or down), then halving the gap three times: to
  // within 5%.
  void SearchRate(Results* results) {
    double holds = 0;
    double fails = 0;
    double rate = kTargetPairsPerS;
    const bool upwards = TryRate(rate, results);
    (upwards ? holds : fails) = rate;
    while ((upwards ? fails : holds) == 0 && rate < kHighestRate && rate > 100) {
      rate = RoundedRate(upwards ? rate * 1.4 : rate / 1.4);
      (TryRate(rate, results) ? holds : fails) = rate;
    }
    for (int i = 0; i < 3 && holds > 0 && fails > 0; ++i) {
      rate = RoundedRate((holds + fails) / 2);
      (TryRate(rate, results) ? holds : fails) = rate;
    }
    std::sort(results->open.begin(), results->open.end(),
              [](const OpenRow& a, const OpenRow& b) { return a.rate < b.rate; });
  }

  static double RoundedRate(double rate) {
    return static_cast<double>(static_cast<int>(rate / 50) * 50);
  }

  const Plan& plan_;
  Server server_;
  Population population_;
  Client single_;
  Client several_;
  Reservations reservations_;
  uint64_t seed_ = 0;
  // Scripts that run without requests (sweeps), as the last round of empty calls saw them.
  struct {
    double calls_per_s = 0;
    double usec_per_s = 0;
  } background_;
};

}  // namespace

Results Measure(const Plan& plan) {
  Results results;
  HotPath(plan).Run(&results);
  Progress("memory per calendar counter");
  results.redis_bytes_per_calendar_counter =
      MeasureCounterMemory(plan.program, plan.assets, CounterKind::kCalendar, plan.memory_users)
          .bytes;
  Progress("memory per sliding counter");
  results.redis_bytes_per_sliding_counter =
      MeasureCounterMemory(plan.program, plan.assets, CounterKind::kSliding, plan.memory_users)
          .bytes;
  return results;
}

}  // namespace quotaplane::bench
