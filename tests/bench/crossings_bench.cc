// What thresholds cost a commit in which no counter comes to one: commits of six counters, four of
// them with three thresholds each, against the same without, in turns over a real Redis; what the
// script takes by INFO commandstats, processor time of Redis and of this client for each commit
// (which the machine's other work moves least), and what a replica takes to find the charges of a
// commit.
//
//   crossings_bench [ROUNDS [SECONDS-PER-TURN]]
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/admission/charge.h"
#include "libs/counters/redis/redis_counter_store.h"
#include "libs/counters/redis/scripts.h"
#include "libs/testing/redis_server.h"
#include "tests/conformance/windows.h"

namespace quotaplane {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kInFlight = 16;
constexpr int kUsers = 1'000;

// kFar: none is reached. kTold: the lowest was told long ago, as of most budgets late in a month.
enum class Kind { kNone, kFar, kTold };
constexpr const char* kNames[] = {"without", "none reached", "one told before"};

// Of each commit, but for the first.
struct Turn {
  double per_s = 0;
  double script_us = 0;
  double cpu_us = 0;  // Redis and client
};

double OwnCpuUs() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(used.ru_utime) + us(used.ru_stime);
}

class Bench {
 public:
  Bench() : store_(Connect(), {}) {}

  Turn Run(Kind kind, std::chrono::duration<double> length) {
    server_.Command({"UNLINK", absl::StrCat("{p", PartitionOf("acme", kDefaultPartitions), "}o")});
    server_.Command({"CONFIG", "RESETSTAT"});
    kind_ = kind;
    commits_ = 0;
    std::latch ended(kInFlight);
    ended_ = &ended;
    const double cpu_before_us = CpuUs();
    const auto begin = Clock::now();
    end_ = begin + std::chrono::duration_cast<Clock::duration>(length);
    for (int i = 0; i < kInFlight; ++i) Next();
    ended.wait();
    const std::chrono::duration<double> took = Clock::now() - begin;
    // "calls=…,usec=…,usec_per_call=…,…"
    const auto commits = static_cast<double>(commits_);
    Turn turn{commits / took.count(), 0, (CpuUs() - cpu_before_us) / commits};
    const std::string stats = server_.Info("cmdstat_evalsha");
    const std::string name = "usec_per_call=";
    if (const size_t at = stats.find(name); at != std::string::npos) {
      turn.script_us = std::strtod(stats.c_str() + at + name.size(), nullptr);
    }
    return turn;
  }

 private:
  redis::Client* Connect() {
    redis::ClientOptions options;
    options.url = server_.unix_url();
    auto client = redis::Client::Start(options, GetCounterScripts().all());
    if (!client.ok() || !(*client)->WaitReady(absl::Seconds(10)).ok()) std::abort();
    client_ = *std::move(client);
    return client_.get();
  }

  double CpuUs() const {
    return OwnCpuUs() + 1e6 * (std::strtod(server_.Info("used_cpu_user").c_str(), nullptr) +
                               std::strtod(server_.Info("used_cpu_sys").c_str(), nullptr));
  }

  CommitCall CallOf(int64_t number) const {
    CommitCall call;
    call.key = {"acme", absl::StrCat(static_cast<int>(kind_), "/", number)};
    call.record = true;
    call.usage_fingerprint = 1;
    call.subject_fingerprint = 2;
    call.ledger_record = std::string(200, 'r');
    const std::string user = absl::StrCat(static_cast<int>(kind_), "/", number % kUsers);
    for (int i = 0; i < 6; ++i) {
      CounterUse use;
      use.counter =
          HashOf(absl::StrCat(i < 3 ? user : "all", "/", i, "/", static_cast<int>(kind_)));
      use.window = i < 2 ? &minute_ : i == 2 ? &day_ : &month_;
      use.charge = 1'000;
      if (i >= 2 && kind_ != Kind::kNone) {
        use.thresholds = {4'500'000'000'000'000, 7'200'000'000'000'000, 9'000'000'000'000'000};
        if (kind_ == Kind::kTold) use.thresholds[0] = 1;
      }
      call.uses.push_back(use);
    }
    return call;
  }

  void Next() {
    store_.Commit(CallOf(numbers_++), Clock::now() + std::chrono::seconds(5),
                  [this](const absl::StatusOr<CommitResult>& result) {
                    if (!result.ok() || result->replayed) std::abort();
                    ++commits_;
                    if (Clock::now() < end_) return Next();
                    ended_->count_down();
                  });
  }

  fixtures::RedisServer server_;
  const WindowSpec minute_ = MakeWindow("60s");
  const WindowSpec day_ = MakeWindow("day");
  const WindowSpec month_ = MakeWindow("month");
  std::unique_ptr<redis::Client> client_;
  RedisCounterStore store_;
  Kind kind_ = Kind::kNone;
  std::atomic<int64_t> numbers_ = 0;
  std::atomic<int64_t> commits_ = 0;
  Clock::time_point end_;
  std::latch* ended_ = nullptr;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <typename Body>
double NanosecondsOf(Body body) {
  constexpr int kTimes = 200'000;
  const auto start = Clock::now();
  for (int i = 0; i < kTimes; ++i) body();
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / kTimes;
}

void PrintCharges() {
  PolicyDocument document;
  for (int i = 0; i < 6; ++i) {
    Limit limit;
    limit.id = absl::StrCat("limit-", i);
    limit.unit = {i == 0 ? UnitKind::kRequests : UnitKind::kUsd, ""};
    limit.per = {{i < 3 ? DimensionKind::kUser : DimensionKind::kTeam, ""}};
    if (i == 3) limit.per = {{DimensionKind::kProject, ""}};
    limit.amount = 9'000'000'000'000'000;
    limit.window = MakeWindow(i < 2 ? "60s" : i == 2 ? "day" : i == 4 ? "week" : "month");
    document.limits.push_back(limit);
  }
  OrgPolicy policy;
  policy.policy = *Policy::Build(std::move(document));
  policy.raises = std::make_shared<const Raises>();
  ChargeRecord record;
  record.subject = {"acme", "search", "web", "alice", "key", "m", {}};
  record.lines = {{0, "m", ServiceTier::kStandard, "output_tokens", 100, 1, 1'000, false, ""}};
  size_t uses = 0;
  const double plain =
      NanosecondsOf([&] { uses += ChargesOf(*policy.policy, record, "m").size(); });
  const double thresholds =
      NanosecondsOf([&] { uses -= ChargesOf(policy, record, "m", 1).size(); });
  std::printf("charges of a commit on six limits: %.0f ns, with thresholds %.0f ns (%zu)\n", plain,
              thresholds, uses);
}

int Main(int rounds, double seconds) {
  PrintCharges();
  Bench bench;
  std::vector<Turn> turns[3];
  for (const Kind kind : {Kind::kNone, Kind::kFar, Kind::kTold})
    bench.Run(kind, std::chrono::seconds(1));
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 3; ++i) {
      const int kind = (i + round) % 3;
      turns[kind].push_back(
          bench.Run(static_cast<Kind>(kind), std::chrono::duration<double>(seconds)));
    }
  }
  std::printf("%-16s %9s %6s %10s %6s %10s %6s\n", "thresholds", "per s", "ratio", "script us",
              "ratio", "cpu us", "ratio");
  const auto print = [&](const char* format, int kind, double Turn::*what) {
    std::vector<double> values, ratios;
    for (int round = 0; round < rounds; ++round) {
      values.push_back(turns[kind][round].*what);
      ratios.push_back(turns[kind][round].*what / turns[0][round].*what);
    }
    std::printf(format, Median(values), Median(ratios));
  };
  for (int kind = 0; kind < 3; ++kind) {
    std::printf("%-16s", kNames[kind]);
    print(" %9.0f %6.3f", kind, &Turn::per_s);
    print(" %10.2f %6.3f", kind, &Turn::script_us);
    print(" %10.2f %6.3f\n", kind, &Turn::cpu_us);
  }
  return 0;
}

}  // namespace
}  // namespace quotaplane

int main(int argc, char** argv) {
  return quotaplane::Main(argc > 1 ? std::atoi(argv[1]) : 9, argc > 2 ? std::atof(argv[2]) : 1.0);
}
