// Ledger entries per second into each database, as the ledger's worker writes them: batches of
// 5,000, each in one durable transaction with its keys, its entries, and what they add to both
// rollups.
//
// The disk bounds neither: PostgreSQL and this process share the processors, SQLite is one thread.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/sql/database.h"
#include "libs/sql/migrate.h"
#include "libs/sql/month_partitions.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane {
namespace {

using sql::Type;

constexpr int kEntries = 5000;
constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kStartUs = 1'793'491'200 * kSecondUs;  // 2026-11-01
constexpr int64_t kHourUs = 3600 * kSecondUs;

void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << "\n";
  std::abort();
}

// What entries are made of: 500 users in 20 teams, 6 models, 4 meters, an entry each 50 µs.
class Workload {
 public:
  Workload() {
    for (int i = 0; i < 500; ++i) users_.push_back(absl::StrCat("user-", i, "@example.com"));
    for (int i = 0; i < 500; ++i) keys_.push_back(absl::StrCat("key-", i * 7919));
    for (int i = 0; i < 20; ++i) teams_.push_back(absl::StrCat("team-", i));
    for (int i = 0; i < 8; ++i) centers_.push_back(absl::StrCat("cc-", 1000 + i));
    for (auto& id : ids_) id.resize(16);
  }

  struct Batches {
    sql::Batch keys, entries, hours, days;
  };

  Batches Next() {
    Batches next = {.keys = {.table = "ledger_keys",
                             .columns = {{"key", Type::kBytes}, {"month", Type::kInt}},
                             .values = {}},
                    .entries = {.table = "ledger_entries", .columns = EntryColumns(), .values = {}},
                    .hours = {.table = "rollup_hour", .columns = RollupColumns(), .values = {}},
                    .days = {.table = "rollup_day", .columns = RollupColumns(), .values = {}}};
    next.entries.values.reserve(kEntries * next.entries.columns.size());
    for (int i = 0; i < kEntries; ++i) AddEntry(i, next);
    return next;
  }

 private:
  static std::vector<sql::Column> EntryColumns() {
    return {{"entry_key", Type::kBytes},    {"org", Type::kText},
            {"kind", Type::kText},          {"reservation_id", Type::kText},
            {"line", Type::kInt},           {"occurred_at_us", Type::kInt},
            {"recorded_at_us", Type::kInt}, {"attempt", Type::kInt},
            {"model", Type::kText},         {"priced_as", Type::kText},
            {"service_tier", Type::kText},  {"meter", Type::kText},
            {"quantity", Type::kInt},       {"unit_price_nano_per_million", Type::kInt},
            {"cost_nano_usd", Type::kInt},  {"price_version", Type::kText},
            {"team", Type::kText},          {"project", Type::kText},
            {"user_name", Type::kText},     {"api_key", Type::kText},
            {"labels", Type::kText},        {"cost_center", Type::kText},
            {"held_nano_usd", Type::kInt},  {"overrun_nano_usd", Type::kInt},
            {"late", Type::kInt},           {"unreserved", Type::kInt},
            {"recorded", Type::kInt},       {"unpriced", Type::kInt},
            {"spooled", Type::kInt}};
  }
  static std::vector<sql::Column> RollupColumns() {
    return {
        {"org", Type::kText},          {"bucket_us", Type::kInt}, {"cost_center", Type::kText},
        {"team", Type::kText},         {"project", Type::kText},  {"user_name", Type::kText},
        {"model", Type::kText},        {"meter", Type::kText},    {"quantity", Type::kInt},
        {"cost_nano_usd", Type::kInt}, {"requests", Type::kInt},  {"overrun_nano_usd", Type::kInt}};
  }

  void AddEntry(int i, Batches& next) {
    static constexpr std::string_view kModels[] = {"claude-sonnet-4-5", "claude-opus-4-1", "gpt-5",
                                                   "gpt-5-mini",        "gemini-2.5-pro",  "o4"};
    static constexpr std::string_view kMeters[] = {"input", "output", "cache_read", "cache_write"};
    std::string& id = ids_[static_cast<size_t>(i)];
    for (size_t at = 0; at < 16; at += 8) {
      const uint64_t word = random_();
      id.replace(at, 8, reinterpret_cast<const char*>(&word), 8);
    }
    const uint64_t draw = random_();
    const size_t user = draw % users_.size();
    const std::string& team = teams_[user % teams_.size()];
    const std::string& center = centers_[user % centers_.size()];
    const std::string_view model = kModels[draw / 1000 % std::size(kModels)];
    const std::string_view meter = kMeters[i % std::size(kMeters)];
    const int64_t quantity = static_cast<int64_t>(draw >> 40) % 10'000;
    now_us_ += 50;
    next.keys.values.insert(next.keys.values.end(), {sql::Bytes{id}, kStartUs});
    next.entries.values.insert(next.entries.values.end(),
                               {sql::Bytes{id},
                                "acme",
                                "usage",
                                "3f2a9b64-7f0e-4c1e-9a57-d5a1b3c4e5f6",
                                i % 4,
                                now_us_,
                                now_us_ + kSecondUs,
                                0,
                                model,
                                "",
                                "standard",
                                meter,
                                quantity,
                                3'000'000'000,
                                quantity * 3000,
                                "2026-11-01",
                                team,
                                "assistant",
                                users_[user],
                                keys_[user],
                                "{\"session\":\"0123456789\",\"agent\":\"coder\"}",
                                center,
                                quantity * 4000,
                                0,
                                0,
                                0,
                                0,
                                0,
                                0});
    const int64_t hour_us = now_us_ - now_us_ % kHourUs;
    const int64_t day_us = now_us_ - now_us_ % (24 * kHourUs);
    for (auto [batch, bucket_us] :
         {std::pair(&next.hours, hour_us), std::pair(&next.days, day_us)}) {
      batch->values.insert(batch->values.end(),
                           {"acme", bucket_us, center, team, "assistant", users_[user], model,
                            meter, quantity, quantity * 3000, i % 4 == 0 ? 1 : 0, 0});
    }
  }

  std::mt19937_64 random_{42};
  int64_t now_us_ = kStartUs;
  std::vector<std::string> users_, keys_, teams_, centers_;
  std::string ids_[kEntries];
};

void WriteBatch(sql::Database& database, const Workload::Batches& batches) {
  auto transaction = database.Begin();
  Must(transaction.status());
  const auto fresh =
      (*transaction)->InsertMany(batches.keys, {.skip_existing = true, .returning = "key"});
  Must(fresh.status());
  if (fresh->returned.size() != kEntries) Must(absl::InternalError("keys are not new"));
  Must((*transaction)->InsertMany(batches.entries).status());
  Must((*transaction)->AddMany(batches.hours, 8));
  Must((*transaction)->AddMany(batches.days, 8));
  Must((*transaction)->Commit());
}

void Drain(benchmark::State& state, const std::string& url) {
  auto database = sql::Database::Open({.url = url});
  Must(database.status());
  Must(sql::Migrate(**database));
  Must(sql::EnsureMonthPartitions(**database, kStartUs, kStartUs));
  Workload workload;
  WriteBatch(**database, workload.Next());
  for (auto _ : state) WriteBatch(**database, workload.Next());
  state.SetItemsProcessed(state.iterations() * kEntries);
  state.counters["entries"] = static_cast<double>((state.iterations() + 1) * kEntries);
}

void BM_DrainPostgres(benchmark::State& state) {
  const fixtures::PostgresServer server(
      {.fsync = true,
       .config = {"shared_buffers = 256MB", "max_wal_size = 4GB", "checkpoint_timeout = 15min"}});
  Drain(state, server.url());
}
BENCHMARK(BM_DrainPostgres)->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(5);

void BM_DrainSqlite(benchmark::State& state) {
  const fixtures::TempDir dir;
  Drain(state, "sqlite:" + dir.File("ledger.db"));
}
BENCHMARK(BM_DrainSqlite)->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(5);

}  // namespace
}  // namespace quotaplane

BENCHMARK_MAIN();
