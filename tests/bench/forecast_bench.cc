// What a round of forecasts costs: the first of an hour, which reads the ledger, and the others.
//
//   forecast_bench [--rows N] [--users N]     one org's sums by hour, over both databases
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/time/clock.h"
#include "libs/config/policy_reader.h"
#include "libs/counters/redis/forecast_table.h"
#include "libs/ledger/forecast_round.h"
#include "libs/ledger/ledger_rows.h"
#include "libs/sql/migrate.h"
#include "libs/testing/fatal.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/temp_dir.h"
#include "tests/bench/machine.h"
#include "tests/conformance/store_under_test.h"

namespace quotaplane {
namespace {

constexpr char kPolicy[] = R"(
defaults: {on_outage: deny}
limits:
  - {id: user-month, per: [user], unit: usd, amount: 0.5, window: month}
  - {id: user-day, per: [user], unit: total_tokens, amount: 100000, window: day}
  - {id: team-month, per: [team], unit: usd, amount: 900, window: month}
  - {id: org, per: [], unit: usd, amount: 9000, window: quarter}
)";
// A full hour, and five minutes.
constexpr int64_t kUntil = 1'775'001'600'000'000;
constexpr int64_t kNow = kUntil + 300'000'000;

struct Size {
  int64_t rows = 1'000'000;
  int64_t users = 8'000;
};

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) fixtures::Fatal(value.status().ToString());
  return *std::move(value);
}
void Must(const absl::Status& status) {
  if (!status.ok()) fixtures::Fatal(status.ToString());
}

// Each user's in hours that are spread over the two weeks, with two meters; of more models where
// these hours are not enough.
void Fill(sql::Database& database, const Size& size) {
  constexpr int64_t kHours = 14 * 24 - 1;
  const int64_t rounds = std::max<int64_t>(1, size.rows / size.users / 2);
  std::vector<std::string> users, teams, models;
  for (int64_t i = 0; i < size.users; ++i) users.push_back("user-" + std::to_string(i));
  for (int i = 0; i < 50; ++i) teams.push_back("team-" + std::to_string(i));
  for (int64_t i = 0; i <= rounds / kHours; ++i) models.push_back("model-" + std::to_string(i));
  sql::Batch batch = RollupBatch("rollup_hour");
  const auto add = [&](int64_t bucket_us, int64_t user, const std::string& model,
                       const char* meter) {
    const sql::Value row[] = {"acme", bucket_us, "",    teams[user % 50], "", users[user],
                              model,  meter,     1'000, 10'000'000,       1,  0};
    batch.values.insert(batch.values.end(), std::begin(row), std::end(row));
  };
  const auto flush = [&] {
    Must(database.InsertMany(batch).status());
    batch.values.clear();
  };
  for (int64_t round = 0; round < rounds; ++round) {
    const int64_t back = rounds <= kHours ? round * kHours / rounds : round % kHours;
    for (int64_t user = 0; user < size.users; ++user) {
      for (const char* meter : {"input", "output"}) {
        add(kUntil - (1 + back) * kPaceHourUs, user, models[round / kHours], meter);
      }
      if (batch.rows() >= 20'000) flush();
    }
  }
  flush();
  // By days, orgs are found.
  batch.table = "rollup_day";
  add(DayOf(kUntil - 1), 0, models[0], "input");
  flush();
  Must(database.RunScript({"analyze", "ANALYZE"}));
}

double MaxRssMib() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void Measure(const std::string& name, const std::string& url, const Size& size) {
  sql::DatabaseOptions options;
  options.url = url;
  const std::unique_ptr<sql::Database> database = Must(sql::Database::Open(options));
  Must(sql::Migrate(*database));
  Fill(*database, size);
  const double before_mib = MaxRssMib();
  fixtures::RedisServer redis;
  StoreUnderTest store(redis.unix_url());
  store.SetNow(kNow);
  RedisForecastTable table(&store.client(), store.store().partitions());
  ForecastRound round(database.get(), &store.store(), &table);
  const PolicySet policies(Must(ParsePolicy(kPolicy, "policy.yaml")));
  const auto run = [&] {
    const absl::Time began = absl::Now();
    const ForecastResult result = Must(round.Run(policies, kNow, absl::Now() + absl::Minutes(5)));
    const double seconds = absl::ToDoubleSeconds(absl::Now() - began);
    if (!result.unread.empty()) fixtures::Fatal("the org could not be read");
    std::printf("%-8s %6.3f s  %lld counters, %lld left out\n", name.c_str(), seconds,
                static_cast<long long>(result.counters), static_cast<long long>(result.left_out));
  };
  std::printf("%s: %lld rows of %lld users; the first round of an hour, then three others\n",
              name.c_str(), static_cast<long long>(size.rows), static_cast<long long>(size.users));
  for (int i = 0; i < 4; ++i) run();
  std::printf("%-8s %6.0f MiB more than before, at the most\n", name.c_str(),
              MaxRssMib() - before_mib);
}

}  // namespace
}  // namespace quotaplane

int main(int argc, char** argv) {
  quotaplane::Size size;
  CLI::App app("What a round of forecasts costs");
  app.add_option("--rows", size.rows)->check(CLI::Range(1'000, 20'000'000));
  app.add_option("--users", size.users)->check(CLI::Range(1, 1'000'000));
  CLI11_PARSE(app, argc, argv);
  std::printf("%s\n", quotaplane::bench::CpuModel().c_str());
  const quotaplane::fixtures::TempDir directory;
  quotaplane::Measure("SQLite", "sqlite:" + directory.File("ledger.db"), size);
  quotaplane::fixtures::PostgresServer postgres;
  quotaplane::Measure("Postgres", postgres.url(), size);
  return 0;
}
