// Ledger entries as a busy gateway makes them, for benchmarks of the databases.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/sql/database.h"

namespace quotaplane::bench {

using sql::Type;

inline constexpr int kEntries = 5000;
inline constexpr int64_t kSecondUs = 1'000'000;
inline constexpr int64_t kStartUs = 1'793'491'200 * kSecondUs;  // 2026-11-01
inline constexpr int64_t kHourUs = 3600 * kSecondUs;

inline void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << "\n";
  std::abort();
}

// What entries are made of: 500 users in 20 teams, 6 models, 4 meters, an entry each 50 µs.
class LedgerWorkload {
 public:
  LedgerWorkload() {
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
    Batches next = {
        .keys = {.table = "ledger_keys",
                 .columns = {{"charge_key", Type::kBytes}, {"occurred_at_us", Type::kInt}},
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
    return {{"charge_key", Type::kBytes},
            {"org", Type::kText},
            {"kind", Type::kText},
            {"reservation_id", Type::kText},
            {"line", Type::kInt},
            {"occurred_at_us", Type::kInt},
            {"recorded_at_us", Type::kInt},
            {"attempt", Type::kInt},
            {"model", Type::kText},
            {"subject_model", Type::kText},
            {"priced_as", Type::kText},
            {"service_tier", Type::kText},
            {"meter", Type::kText},
            {"quantity", Type::kInt},
            {"unit_price_nano_per_million", Type::kInt},
            {"cost_nano_usd", Type::kInt},
            {"price_version", Type::kText},
            {"team", Type::kText},
            {"project", Type::kText},
            {"user_name", Type::kText},
            {"api_key", Type::kText},
            {"labels", Type::kText},
            {"cost_center", Type::kText},
            {"held_nano_usd", Type::kInt},
            {"overrun_nano_usd", Type::kInt},
            {"late", Type::kInt},
            {"unreserved", Type::kInt},
            {"recorded", Type::kInt},
            {"unpriced", Type::kInt},
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
    // Four lines make a charge, which has one key.
    std::string& id = ids_[static_cast<size_t>(i / 4)];
    for (size_t at = 0; at < 16 && i % 4 == 0; at += 8) {
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
    if (i % 4 == 0) next.keys.values.insert(next.keys.values.end(), {sql::Bytes{id}, now_us_});
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

}  // namespace quotaplane::bench
