// The last hour's rows, for saying who made a difference. Bounded: at most kMaxRows rows, the
// oldest minutes go first; names are kept once. Nothing of it is saved: after a restart,
// contributors are those of the minutes since. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "libs/anomaly/finding.h"
#include "libs/anomaly/series_bank.h"

namespace quotaplane::anomaly {

inline constexpr int kScopeKinds = 6;

// A row's name of this kind.
std::string_view NameOf(const UsageRow& row, ScopeKind kind);
int64_t ValueOf(const UsageRow& row, Metric metric);

class RecentUsage {
 public:
  static constexpr size_t kMinutes = 60;
  static constexpr size_t kMaxRows = 1'000'000;
  static constexpr size_t kMaxNames = 500'000;

  void Add(std::span<const UsageRow> rows);

  // What users, models and sessions (other than of the scope's own kind) came to in the scope's
  // last `minutes`, not ordered, `expected` 0.
  std::vector<Contributor> Within(std::string_view org, ScopeKind kind, std::string_view value,
                                  Metric metric, size_t minutes) const;

  template <typename Codec>
  void Code(Codec& codec);

 private:
  struct Row {
    std::array<uint32_t, kScopeKinds> names;
    std::array<int64_t, kMetrics> values;
  };

  uint32_t IdOf(std::string_view name);

  std::deque<std::vector<Row>> minutes_;  // the newest last
  size_t rows_ = 0;
  std::vector<std::string> names_;
  std::unordered_map<std::string, uint32_t> ids_;
};

template <typename Codec>
void RecentUsage::Code(Codec& codec) {
  const auto sized = [&](auto& list, size_t most) {
    auto size = static_cast<uint32_t>(list.size());
    codec(size);
    if constexpr (Codec::kReading) {
      // No element has fewer than four bytes.
      codec.Check(size <= most && size <= codec.left() / 4);
      list.resize(codec.ok() ? size : 0);
    }
  };
  sized(names_, kMaxNames + kMaxRows * kScopeKinds);
  for (std::string& name : names_) codec(name);
  sized(minutes_, kMinutes);
  if constexpr (Codec::kReading) rows_ = 0;
  for (std::vector<Row>& minute : minutes_) {
    sized(minute, kMaxRows);
    for (Row& row : minute) {
      codec.Each(row.names);
      codec.Each(row.values);
      if constexpr (Codec::kReading) {
        for (const uint32_t name : row.names) codec.Check(name < names_.size());
      }
    }
    if constexpr (Codec::kReading) rows_ += minute.size();
  }
  if constexpr (Codec::kReading) {
    ids_.clear();
    for (uint32_t i = 0; i < names_.size(); ++i) ids_.emplace(names_[i], i);
  }
}

}  // namespace quotaplane::anomaly
