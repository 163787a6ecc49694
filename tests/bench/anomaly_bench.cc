// What the watch over usage costs: a bank of 5,000 scopes, which takes one minute after the other,
// and is saved and restored. All of its scopes are judged with each minute, whether they were used
// or not.
#include <benchmark/benchmark.h>

#include <cmath>
#include <string>
#include <vector>

#include "libs/anomaly/season.h"
#include "libs/anomaly/series_bank.h"
#include "libs/anomaly/series_detector.h"
#include "libs/testing/fatal.h"

namespace quotaplane {
namespace {

using anomaly::SeriesBank;
using anomaly::UsageRow;

constexpr int64_t kMinuteUs = 60'000'000;
// The org, its teams, projects and models, and users up to 5,000 in all.
constexpr int kTeams = 50, kProjects = 39, kModels = 10;
constexpr int kUsers = 5'000 - 1 - kTeams - kProjects - kModels;

// Of an org in which half of all users make a call in a minute.
class Company {
 public:
  Company() {
    for (int i = 0; i < kUsers; ++i) {
      users_.push_back("user-" + std::to_string(i));
      teams_.push_back("team-" + std::to_string(i % kTeams));
      projects_.push_back("project-" + std::to_string(i % kProjects));
      models_.push_back("model-" + std::to_string(i % kModels));
    }
  }

  // The next minute goes into the bank.
  void Minute(SeriesBank& bank) {
    rows_.clear();
    for (int i = 0; i < kUsers; ++i) {
      state_ = state_ * 6364136223846793005 + 1442695040888963407;
      if (minute_ > 0 && (state_ >> 40) % 2 == 0) continue;
      const int64_t size = 1 + static_cast<int64_t>((state_ >> 45) % 16);
      rows_.push_back({.org = "acme",
                       .team = teams_[i],
                       .project = projects_[i],
                       .user = users_[i],
                       .model = models_[i],
                       .cost_nano_usd = size * 1'000'000,
                       .tokens = size * 300,
                       .requests = 1,
                       .refusals = minute_ == 0 ? 1 : 0});
    }
    const auto found = bank.Add((29'461'920 + minute_) * kMinuteUs,
                                static_cast<int>(minute_ % anomaly::kMinutesPerWeek), rows_);
    if (!found.ok()) fixtures::Fatal(found.status().ToString());
    ++minute_;
  }

 private:
  std::vector<std::string> users_, teams_, projects_, models_;
  std::vector<UsageRow> rows_;
  int64_t minute_ = 0;
  uint64_t state_ = 7;
};

// All windows are full.
constexpr int kTaught = 2 * anomaly::kLongestWindow;

SeriesBank Taught(Company& company) {
  SeriesBank bank(anomaly::BankOptions{});
  for (int i = 0; i < kTaught; ++i) company.Minute(bank);
  if (bank.Stats().scopes != 5'000) fixtures::Fatal("there should be 5,000 scopes");
  return bank;
}

void BM_Minute(benchmark::State& state) {
  Company company;
  SeriesBank bank = Taught(company);
  for ([[maybe_unused]] auto _ : state) company.Minute(bank);
  state.counters["MiB"] = static_cast<double>(bank.Stats().bytes) / (1 << 20);
}
BENCHMARK(BM_Minute)->Unit(benchmark::kMillisecond);

void BM_Save(benchmark::State& state) {
  Company company;
  const SeriesBank bank = Taught(company);
  size_t bytes = 0;
  for ([[maybe_unused]] auto _ : state) bytes = bank.Save().size();
  state.counters["MiB"] = static_cast<double>(bytes) / (1 << 20);
}
BENCHMARK(BM_Save)->Unit(benchmark::kMillisecond);

void BM_Restore(benchmark::State& state) {
  Company company;
  const std::string saved = Taught(company).Save();
  for ([[maybe_unused]] auto _ : state) {
    const auto bank = SeriesBank::Restore(anomaly::BankOptions{}, saved);
    if (!bank.ok()) fixtures::Fatal(bank.status().ToString());
  }
}
BENCHMARK(BM_Restore)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quotaplane

BENCHMARK_MAIN();
