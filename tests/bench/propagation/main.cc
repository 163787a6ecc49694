// How long a change takes from an admin's call to what two replicas decide: a user's amount
// (SetLimit), a draft that is put in force, an exception that is approved, a key that is revoked;
// with a small policy and few keys, and with a large one and many. Real servers, a real Redis, a
// real database.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/random/random.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/keys/virtual_key.h"
#include "libs/testing/fatal.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/temp_dir.h"
#include "tests/bench/machine.h"
#include "tests/bench/program.h"
#include "tests/bench/propagation/admin.h"
#include "tests/bench/propagation/people.h"
#include "tests/bench/propagation/probe.h"
#include "tests/bench/propagation/results.h"
#include "tests/bench/propagation/state.h"

namespace quotaplane::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Plan {
  std::string program;
  std::string only_database;
  int64_t overrides = 100'000;
  int64_t keys = 100'000;
  int changes = 100;
  int idle_ms = 3'000;  // how long replicas are watched that have nothing to do
};

constexpr size_t kReplicas = 2;

double MsSince(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

void Say(const std::string& line) { std::fprintf(stderr, "  %s\n", line.c_str()); }

// Two replicas, of which the first is the admin's, and what is asked of them.
class Replicas {
 public:
  Replicas(const std::string& program, const std::string& redis_url,
           const std::string& database_url, const People* people) {
    for (size_t i = 0; i < kReplicas; ++i) {
      std::vector<std::string> options = {"--redis", redis_url, "--auth", people->auth_file()};
      const std::vector<std::string> more = i == 0
                                                ? std::vector<std::string>{"--ledger", database_url}
                                                : std::vector<std::string>{"--roles", "quota"};
      options.insert(options.end(), more.begin(), more.end());
      programs_.push_back(std::make_unique<Program>(program, options));
      probes_.push_back(std::make_unique<Probe>(programs_.back()->address(), &people->gateway()));
    }
  }

  const std::string& admin_address() const { return programs_[0]->address(); }

  // Makes the change, and waits until every replica answers so.
  void Measure(const std::function<void()>& change, Probe::Answer answer,
               const std::function<Probe::Answer(Probe&)>& ask, Enforced* enforced) {
    // Not in step with the replicas' looks.
    std::this_thread::sleep_for(std::chrono::milliseconds(absl::Uniform(random_, 0, 150)));
    std::vector<std::future<Clock::time_point>> waiting;
    const Clock::time_point begin = Clock::now();
    for (const std::unique_ptr<Probe>& probe : probes_) {
      waiting.push_back(std::async(std::launch::async, [&ask, &probe, answer] {
        return Probe::WaitFor(answer, [&] { return ask(*probe); });
      }));
    }
    change();
    enforced->rpc_ms.push_back(MsSince(begin, Clock::now()));
    Clock::time_point last = begin;
    for (std::future<Clock::time_point>& one : waiting) last = std::max(last, one.get());
    enforced->ms.push_back(MsSince(begin, last));
  }

 private:
  absl::BitGen random_;
  std::vector<std::unique_ptr<Program>> programs_;
  std::vector<std::unique_ptr<Probe>> probes_;
};

double CpuSeconds(const fixtures::RedisServer& redis) {
  double user = 0;
  double system = 0;
  if (!absl::SimpleAtod(redis.Info("used_cpu_user"), &user) ||
      !absl::SimpleAtod(redis.Info("used_cpu_sys"), &system)) {
    fixtures::Fatal("INFO without the processor's time");
  }
  return user + system;
}

// What replicas that have nothing to do ask of the store.
void MeasureIdle(const fixtures::RedisServer& redis, int idle_ms, Measured* measured) {
  redis.Command({"CONFIG", "RESETSTAT"});
  const Clock::time_point begin = Clock::now();
  const double cpu = CpuSeconds(redis);
  std::this_thread::sleep_for(std::chrono::milliseconds(idle_ms));
  measured->idle_redis_share = (CpuSeconds(redis) - cpu) * 1e3 / MsSince(begin, Clock::now());
  const std::string hmget =
      fixtures::InfoField(redis.Command({"INFO", "commandstats"}).text, "cmdstat_hmget");
  const size_t at = hmget.find("usec_per_call=");
  if (at == std::string::npos) fixtures::Fatal("the replicas do not look at the board");
  measured->look_redis_us = std::strtod(hmget.c_str() + at + 14, nullptr);
}

std::string LoadAverage() {
  std::ifstream in("/proc/loadavg");
  std::string load;
  std::getline(in, load, ' ');
  return load;
}

// One size, over one database.
class Run {
 public:
  Run(const Plan& plan, const std::string& database_url, int64_t overrides, int64_t keys)
      : plan_(plan),
        replicas_(plan.program, redis_.unix_url(), database_url, &people_),
        admin_(replicas_.admin_address(), &people_) {
    for (int64_t i = 0; i < keys; ++i) secrets_.push_back(MakeKey());
    for (int i = 0; i < plan.changes; ++i) guests_.push_back(absl::StrCat("guest-", i));
    admin_.Apply(KeysState(secrets_));
    admin_.Apply(PolicyState(overrides, guests_));
    admin_.WaitForReplicas(kReplicas);
  }

  Measured Measure() {
    Measured measured;
    measured.fill_s = FillAnew();
    measured.changes = {Amounts(), Activations(), Exceptions(), Revocations()};
    MeasureIdle(redis_, plan_.idle_ms, &measured);
    measured.load_average = LoadAverage();
    return measured;
  }

 private:
  static Probe::Answer AsSomebody(Probe& probe) { return probe.ReserveAs("somebody"); }

  double FillAnew() {
    redis_.Command({"FLUSHALL"});
    const Clock::time_point lost = Clock::now();
    admin_.WaitForReplicas(kReplicas);
    return MsSince(lost, Clock::now()) / 1'000;
  }

  Enforced Amounts() {
    Enforced enforced{"amount", {}, {}};
    for (int i = 0; i < plan_.changes; ++i) {
      const bool admits = i % 2 == 1;
      replicas_.Measure([&] { admin_.SetAmount("somebody", admits ? kPlenty : kNothing); },
                        admits ? Probe::Answer::kAdmitted : Probe::Answer::kRefused, AsSomebody,
                        &enforced);
    }
    admin_.SetAmount("somebody", kPlenty);
    admin_.WaitForReplicas(kReplicas);
    return enforced;
  }

  Enforced Activations() {
    Enforced enforced{"policy_activated", {}, {}};
    for (int i = 0; i < plan_.changes; ++i) {
      const bool admits = i % 2 == 1;
      const Admin::Draft draft = admin_.MakeDraft("somebody", admits ? kPlenty : kNothing);
      replicas_.Measure([&] { admin_.Activate(draft); },
                        admits ? Probe::Answer::kAdmitted : Probe::Answer::kRefused, AsSomebody,
                        &enforced);
    }
    return enforced;
  }

  Enforced Exceptions() {
    Enforced enforced{"exception", {}, {}};
    for (const std::string& guest : guests_) {
      const Admin::Raise raise = admin_.RequestRaise(guest, kPlenty);
      replicas_.Measure([&] { admin_.Approve(raise); }, Probe::Answer::kAdmitted,
                        [&](Probe& probe) { return probe.ReserveAs(guest); }, &enforced);
    }
    return enforced;
  }

  Enforced Revocations() {
    Enforced enforced{"key_revoked", {}, {}};
    for (int i = 0; i < plan_.changes; ++i) {
      const NewSecret& secret = secrets_[static_cast<size_t>(i)];
      replicas_.Measure([&] { admin_.RevokeKey(secret.id); }, Probe::Answer::kKeyRefused,
                        [&](Probe& probe) { return probe.ReserveBy(secret.text); }, &enforced);
    }
    return enforced;
  }

  const Plan& plan_;
  const People people_;
  const fixtures::RedisServer redis_;
  Replicas replicas_;
  Admin admin_;
  std::vector<NewSecret> secrets_;
  std::vector<std::string> guests_;  // whom the policy gives nothing
};

Measured Measure(const Plan& plan, const std::string& name, const std::string& database_url,
                 int64_t overrides, int64_t keys) {
  Say(absl::StrCat(name, ", ", overrides, " overrides, ", keys, " keys"));
  Measured measured = Run(plan, database_url, overrides, keys).Measure();
  measured.database = name;
  measured.overrides = overrides;
  measured.keys = keys;
  return measured;
}

void MeasureBothSizes(const Plan& plan, const std::string& name, const std::string& small_url,
                      const std::string& large_url, Results* results) {
  results->runs.push_back(Measure(plan, name, small_url, 10, plan.changes));
  results->runs.push_back(Measure(plan, name, large_url, plan.overrides, plan.keys));
}

Results MeasureAll(const Plan& plan) {
  Results results;
  if (plan.only_database != "postgres") {
    const fixtures::TempDir dir;
    MeasureBothSizes(plan, "sqlite", absl::StrCat("sqlite:", dir.File("small.db")),
                     absl::StrCat("sqlite:", dir.File("large.db")), &results);
  }
  if (plan.only_database != "sqlite") {
    const fixtures::PostgresServer small({.fsync = true});
    const fixtures::PostgresServer large({.fsync = true});
    MeasureBothSizes(plan, "postgres", small.url(), large.url(), &results);
  }
  results.cpu = CpuModel();
  results.cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  results.date = absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone());
  return results;
}

}  // namespace
}  // namespace quotaplane::bench

int main(int argc, char** argv) {
  quotaplane::bench::Plan plan;
  std::string commit = "unknown";
  std::string json_file;
  CLI::App app("Measures the way of a change to two replicas; run it by tools/bench propagation");
  app.add_option("--program", plan.program, "The quotaplane binary")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--json", json_file, "Where the results go")->required();
  app.add_option("--commit", commit, "The commit that is measured, for the record");
  app.add_option("--changes", plan.changes, "Of each kind, for each size")
      ->check(CLI::Range(2, 1'000))
      ->capture_default_str();
  app.add_option("--overrides", plan.overrides, "Of the large policy")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--keys", plan.keys, "Beside the large policy; at least as many as changes")
      ->check(CLI::Range(2, 1'000'000))
      ->capture_default_str();
  app.add_option("--idle-ms", plan.idle_ms, "How long replicas are watched that have nothing to do")
      ->check(CLI::Range(300, 60'000))
      ->capture_default_str();
  app.add_option("--only", plan.only_database, "One database: postgres or sqlite")
      ->check(CLI::IsMember({"postgres", "sqlite"}));
  CLI11_PARSE(app, argc, argv);
  plan.keys = std::max<int64_t>(plan.keys, plan.changes);

  quotaplane::bench::Results results = quotaplane::bench::MeasureAll(plan);
  results.commit = commit;
  std::cout << quotaplane::bench::TextReport(results);
  std::ofstream out(json_file);
  out << quotaplane::bench::JsonReport(results) << std::flush;
  if (!out) std::fprintf(stderr, "propagation_bench: cannot write %s\n", json_file.c_str());
  return out ? 0 : 1;
}
