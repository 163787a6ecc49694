// How long a change takes from the database to what two replicas decide: a limit's amount, and a
// key that is revoked; with a small policy and with a large one. Real servers, a real Redis, a real
// database. Changes are written as libs/control writes them; what an admin's call does before that
// (checks, a document's canonical form) is not part of it.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/keys/virtual_key.h"
#include "libs/policy/policy_builder.h"
#include "libs/testing/fatal.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/temp_dir.h"
#include "services/control/item_convert.h"
#include "tests/bench/machine.h"
#include "tests/bench/program.h"
#include "tests/bench/propagation/probe.h"
#include "tests/bench/propagation/results.h"
#include "tests/control/control_database.h"

namespace quotaplane::bench {
namespace {

using fixtures::ControlDatabase;

using Clock = std::chrono::steady_clock;

struct Plan {
  std::string program;
  std::string only_database;
  int64_t overrides = 100'000;
  int64_t keys = 100'000;
  int changes = 100;
};

constexpr char kOrg[] = "bench";
constexpr size_t kReplicas = 2;
constexpr int64_t kKeysOfAChange = 10'000;

double MsSince(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

void Say(const std::string& line) { std::fprintf(stderr, "  %s\n", line.c_str()); }

PolicyDocument DocumentOf(int64_t overrides, int64_t amount) {
  PolicyDocument document;
  document.unpriced_models = UnpricedModels::kFlag;
  document.limits = {DailyLimit("user-day", {"user"}, amount)};
  for (int64_t i = 0; i < overrides; ++i) {
    document.limits[0].overrides.push_back(For({{"user", absl::StrFormat("user-%06d", i)}}, i, ""));
  }
  return document;
}

ControlDatabase::Body KeyBody(const ProtoItemCodec& codec, const NewSecret& secret, bool revoked) {
  VirtualKey key;
  key.id = secret.id;
  key.org = kOrg;
  key.user = absl::StrCat("holder-", secret.id);
  key.hash = secret.hash;
  key.revoked = revoked;
  return {KeyItemName(key.id), codec.EncodeKey(key)};
}

// Two replicas, and what is asked of them.
class Replicas {
 public:
  Replicas(const std::string& program, const std::string& redis_url) {
    for (size_t i = 0; i < kReplicas; ++i) {
      programs_.push_back(std::make_unique<Program>(
          program, std::vector<std::string>{"--roles", "quota", "--redis", redis_url}));
      probes_.push_back(std::make_unique<Probe>(programs_.back()->address()));
    }
  }

  // Makes the change, and waits until every replica answers so.
  template <typename Ask>
  void Measure(ControlDatabase& database, const ControlDatabase::Body& change, Probe::Answer answer,
               const Ask& ask, Enforced* enforced) {
    std::vector<std::future<Clock::time_point>> waiting;
    const Clock::time_point begin = Clock::now();
    for (const std::unique_ptr<Probe>& probe : probes_) {
      waiting.push_back(std::async(std::launch::async, [&ask, &probe, answer] {
        return Probe::WaitFor(answer, [&] { return ask(*probe); });
      }));
    }
    database.Write({change});
    enforced->commit_ms.push_back(MsSince(begin, Clock::now()));
    Clock::time_point last = begin;
    for (std::future<Clock::time_point>& one : waiting) last = std::max(last, one.get());
    enforced->ms.push_back(MsSince(begin, last));
  }

 private:
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
void MeasureIdle(const fixtures::RedisServer& redis, Measured* measured) {
  redis.Command({"CONFIG", "RESETSTAT"});
  const Clock::time_point begin = Clock::now();
  const double cpu = CpuSeconds(redis);
  std::this_thread::sleep_for(std::chrono::seconds(3));
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

Measured Measure(const Plan& plan, const std::string& name, const std::string& database_url,
                 int64_t overrides, int64_t keys) {
  Say(absl::StrCat(name, ", ", overrides, " overrides, ", keys, " keys"));
  const ProtoItemCodec codec;
  const fixtures::RedisServer redis;
  Measured measured;
  measured.database = name;
  measured.overrides = overrides;
  measured.keys = keys;

  // Of two amounts, of which one admits nobody.
  const std::string org(kOrg);
  PolicyDocument document = DocumentOf(overrides, 0);
  std::string bodies[2];
  bodies[0] = codec.EncodePolicy(org, 1, document);
  document.limits[0].amount = kMaxAmount;
  bodies[1] = codec.EncodePolicy(org, 2, document);
  measured.policy_bytes = static_cast<int64_t>(bodies[1].size());

  ControlDatabase database(database_url, redis.unix_url());
  measured.version = database.version();
  std::vector<NewSecret> secrets;
  std::vector<ControlDatabase::Body> some;
  for (int64_t i = 0; i < keys; ++i) {
    secrets.push_back(MakeKey());
    some.push_back(KeyBody(codec, secrets.back(), false));
    if (i + 1 == keys || some.size() == kKeysOfAChange) {
      database.Write(some);
      some.clear();
    }
  }
  database.Write({{PolicyItemName(org), bodies[1]}});
  database.WaitUntilPublished();
  Replicas replicas(plan.program, redis.unix_url());
  database.WaitForReplicas(kReplicas);

  redis.Command({"FLUSHALL"});
  const Clock::time_point lost = Clock::now();
  database.WaitForReplicas(kReplicas);
  measured.fill_s = MsSince(lost, Clock::now()) / 1'000;

  for (int i = 0; i < plan.changes; ++i) {
    const bool admits = i % 2 == 1;
    replicas.Measure(
        database, {PolicyItemName(org), bodies[admits ? 1 : 0]},
        admits ? Probe::Answer::kAdmitted : Probe::Answer::kRefused,
        [](Probe& probe) { return probe.ReserveAs("somebody"); }, &measured.policies);
  }
  database.Write({{PolicyItemName(org), bodies[1]}});
  database.WaitForReplicas(kReplicas);
  for (int i = 0; i < plan.changes; ++i) {
    const NewSecret& secret = secrets[static_cast<size_t>(i)];
    replicas.Measure(
        database, KeyBody(codec, secret, true), Probe::Answer::kKeyRefused,
        [&](Probe& probe) { return probe.ReserveBy(secret.text); }, &measured.revocations);
  }
  MeasureIdle(redis, &measured);
  measured.load_average = LoadAverage();
  return measured;
}

void MeasureBothSizes(const Plan& plan, const std::string& name, const std::string& small_url,
                      const std::string& large_url, Results* results) {
  results->runs.push_back(Measure(plan, name, small_url, 10, plan.changes));
  results->runs.push_back(Measure(plan, name, large_url, plan.overrides, plan.keys));
}

Results Run(const Plan& plan) {
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
  app.add_option("--only", plan.only_database, "One database: postgres or sqlite")
      ->check(CLI::IsMember({"postgres", "sqlite"}));
  CLI11_PARSE(app, argc, argv);
  plan.keys = std::max<int64_t>(plan.keys, plan.changes);

  quotaplane::bench::Results results = quotaplane::bench::Run(plan);
  results.commit = commit;
  std::cout << quotaplane::bench::TextReport(results);
  std::ofstream out(json_file);
  out << quotaplane::bench::JsonReport(results) << std::flush;
  if (!out) std::fprintf(stderr, "propagation_bench: cannot write %s\n", json_file.c_str());
  return out ? 0 : 1;
}
