#include "tests/bench/ledger/traffic.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace quotaplane::bench {
namespace {

constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;
constexpr int kHours = static_cast<int>((kMonthEndUs - kMonthStartUs) / kHourUs);
constexpr int kSmallOrgs = 15;
constexpr uint64_t kPeople = 1'000;
constexpr uint64_t kPeopleOfSmallOrgs = 40;
constexpr uint64_t kTeams = 40;

struct Model {
  const char* name;
  // nano-USD per million: input, output, cache_read, cache_write.
  std::array<int64_t, 4> prices;
};
constexpr int64_t kUsd = 1'000'000'000;
constexpr std::array<Model, 6> kModels = {{
    {"claude-sonnet-4-5", {3 * kUsd, 15 * kUsd, 3 * kUsd / 10, 15 * kUsd / 4}},
    {"claude-opus-4-1", {15 * kUsd, 75 * kUsd, 3 * kUsd / 2, 75 * kUsd / 4}},
    {"gpt-5", {5 * kUsd / 4, 10 * kUsd, kUsd / 8, 5 * kUsd / 4}},
    {"gpt-5-mini", {kUsd / 4, 2 * kUsd, kUsd / 40, kUsd / 4}},
    {"gemini-2.5-pro", {5 * kUsd / 4, 10 * kUsd, 31 * kUsd / 100, 5 * kUsd / 4}},
    {"claude-haiku-4-5", {kUsd, 5 * kUsd, kUsd / 10, 5 * kUsd / 4}},
}};
constexpr std::array<const char*, 4> kMeters = {"input", "output", "cache_read", "cache_write"};
constexpr std::array<int64_t, 4> kMostOf = {4'000, 1'500, 60'000, 8'000};

// splitmix64 (Steele, Lea, Flood 2014): numbers that depend on the index alone.
class Draws {
 public:
  explicit Draws(int64_t index) : state_(static_cast<uint64_t>(index) * 0x9E3779B97F4A7C15) {}
  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  uint64_t Below(uint64_t end) { return Next() % end; }

 private:
  uint64_t state_;
};

double WeightOf(int hour_of_month) {
  const int hour = hour_of_month % 24;
  const int day = hour_of_month / 24 % 7;  // the month starts on a Sunday
  const bool weekend = day == 0 || day == 6;
  const bool office = hour >= 8 && hour < 19;
  return (weekend ? 0.3 : 1.0) * (office ? 1.0 : 0.2);
}

Subject SubjectOf(Draws* draws) {
  const bool reported = draws->Below(5) != 0;
  const uint64_t people = reported ? kPeople : kPeopleOfSmallOrgs;
  // Some write to their model far more often than others.
  const uint64_t person = std::min(draws->Below(people), draws->Below(people));
  Subject subject;
  subject.org = reported ? kReportedOrg : absl::StrCat("org-", draws->Below(kSmallOrgs));
  subject.team = absl::StrCat("team-", person % kTeams);
  subject.project = absl::StrCat("project-", person % kTeams / 2);
  subject.user = absl::StrCat("user-", person, "@example.com");
  subject.api_key = absl::StrCat("key-", person * 7919);
  const uint64_t favourite = person % kModels.size();
  const bool other = draws->Below(5) == 0;
  subject.model = kModels[other ? (favourite + 1) % kModels.size() : favourite].name;
  subject.labels = {{"agent", person % 2 == 0 ? "coder" : "assistant"},
                    {"session", absl::StrCat("s-", draws->Below(100'000))}};
  return subject;
}

const Model& ModelNamed(const std::string& name) {
  return *std::find_if(kModels.begin(), kModels.end(),
                       [&](const Model& model) { return model.name == name; });
}

}  // namespace

Traffic::Traffic(int64_t charges) : charges_(charges) {
  double sum = 0;
  for (int hour = 0; hour < kHours; ++hour) until_.push_back(sum += WeightOf(hour));
  for (double& until : until_) until /= sum;
  until_.back() = 1;
}

int64_t Traffic::TimeOf(int64_t index) const {
  if (index >= charges_) return kMonthEndUs + index - charges_;
  const double part = static_cast<double>(index) / static_cast<double>(charges_);
  const auto hour = std::upper_bound(until_.begin(), until_.end(), part);
  const double before = hour == until_.begin() ? 0 : *(hour - 1);
  const double within = (part - before) / (*hour - before);
  const auto offset = static_cast<int64_t>(std::floor(within * static_cast<double>(kHourUs)));
  return kMonthStartUs + (hour - until_.begin()) * kHourUs + std::min(offset, kHourUs - 1);
}

Charged Traffic::At(int64_t index) const {
  Draws draws(index);
  Charged charged;
  ChargeRecord& record = charged.record;
  const uint64_t id = draws.Next();
  record.id = absl::StrFormat("%08x-%04x-4%03x-8%03x-%012x", id >> 32, id >> 16 & 0xFFFF,
                              id & 0xFFF, draws.Below(0x1000), index);
  record.subject = SubjectOf(&draws);
  record.price_version = "2026-11-01";
  const Model& model = ModelNamed(record.subject.model);
  // 65 in 100 have two lines, 20 three, 15 four.
  const uint64_t cached = draws.Below(100);
  const size_t lines = cached < 65 ? 2 : cached < 85 ? 3 : 4;
  for (size_t i = 0; i < lines; ++i) {
    ChargeLine line;
    line.model = record.subject.model;
    line.meter = kMeters[i];
    line.quantity = 1 + static_cast<int64_t>(draws.Below(static_cast<uint64_t>(kMostOf[i])));
    line.unit_price = model.prices[i];
    line.cost_nano_usd = line.quantity * (line.unit_price / 1'000) / 1'000;
    record.cost_nano_usd += line.cost_nano_usd;
    record.lines.push_back(std::move(line));
  }
  const bool over = draws.Below(30) == 0;
  charged.outcome.now_us = TimeOf(index);
  charged.outcome.held_nano_usd = over ? record.cost_nano_usd / 2 : record.cost_nano_usd * 2;
  charged.outcome.overrun_tokens = over ? record.lines[1].quantity / 2 : 0;
  charged.outcome.late = draws.Below(200) == 0;
  return charged;
}

}  // namespace quotaplane::bench
