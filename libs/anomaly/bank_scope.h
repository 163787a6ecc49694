// What the bank keeps for one scope. Internal to series_bank.cc.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "libs/anomaly/finding.h"
#include "libs/anomaly/series_detector.h"

namespace quotaplane::anomaly {

struct ScopeKey {
  std::string org;
  ScopeKind kind = ScopeKind::kOrg;
  std::string value;

  // Narrow scopes come first, since their findings explain those of wider ones.
  friend bool operator<(const ScopeKey& a, const ScopeKey& b) {
    const auto narrow_first = [](ScopeKind kind) {
      constexpr std::array<int, 6> kOrder = {5, 4, 3, 1, 2, 0};
      return kOrder[static_cast<size_t>(kind)];
    };
    return std::tuple(narrow_first(a.kind), std::string_view(a.org), std::string_view(a.value)) <
           std::tuple(narrow_first(b.kind), std::string_view(b.org), std::string_view(b.value));
  }
  template <typename Codec>
  void Code(Codec& codec) {
    codec(org);
    codec(kind);
    codec(value);
    if constexpr (Codec::kReading) codec.Check(kind <= ScopeKind::kSession);
  }
};

// What somebody said is normal: this much more, around this hour of the day.
struct KnownPattern {
  Metric metric = Metric::kCost;
  int16_t hour_of_day = 0;
  double ratio = 0;  // actual / expected
  int64_t until_minute = 0;

  template <typename Codec>
  void Code(Codec& codec) {
    codec(metric);
    codec(hour_of_day);
    codec(ratio);
    codec(until_minute);
  }
};

template <typename Codec>
void CodeFinding(Codec& codec, Finding& finding) {
  codec(finding.id);
  codec(finding.kind);
  codec(finding.metric);
  codec(finding.org);
  codec(finding.scope);
  codec(finding.value);
  codec(finding.start_us);
  codec(finding.at_us);
  codec(finding.over);
  codec(finding.end);
  codec(finding.expected);
  codec(finding.actual);
  codec(finding.window_us);
  codec(finding.difference_nano_usd);
  codec(finding.score);
  if constexpr (Codec::kReading) {
    codec.Check(finding.kind <= FindingKind::kRunawaySession &&
                finding.metric <= Metric::kRefusals && finding.scope <= ScopeKind::kSession &&
                finding.end <= FindingEnd::kEvicted);
  }
}

using Detectors = std::array<std::unique_ptr<SeriesDetector>, kMetrics>;

template <typename Codec>
void CodeDetectors(Codec& codec, Detectors& detectors) {
  for (auto& detector : detectors) {
    bool present = detector != nullptr;
    codec(present);
    if (!present) continue;
    if constexpr (Codec::kReading) detector = std::make_unique<SeriesDetector>(0);
    codec(*detector);
  }
}

inline Detectors CopyOf(const Detectors& detectors) {
  Detectors copy;
  for (int i = 0; i < kMetrics; ++i) {
    if (detectors[i] != nullptr) copy[i] = std::make_unique<SeriesDetector>(*detectors[i]);
  }
  return copy;
}

// A finding that is on, or was a while ago and may still be spoken of.
struct OpenFinding {
  Finding finding;
  int64_t start_minute = 0;
  int64_t over_minute = 0;
  int32_t calm_minutes = 0;
  // Sums since the start, of its metric; what was expected is what the season says, at the level
  // of the start.
  double expected_sum = 0, actual_sum = 0;
  double level = 1;
  bool kept_out = false;  // "not expected": the series is fed with what was expected instead
  Detectors before;       // as they were before it, for taking back what was learnt since

  template <typename Codec>
  void Code(Codec& codec) {
    CodeFinding(codec, finding);
    codec(start_minute);
    codec(over_minute);
    codec(calm_minutes);
    codec(expected_sum);
    codec(actual_sum);
    codec(level);
    codec(kept_out);
    CodeDetectors(codec, before);
  }
};

struct Scope {
  static constexpr size_t kMaxPatterns = 16;

  Detectors detectors;
  int64_t first_minute = 0;
  int64_t last_minute = 0;        // with any usage
  std::array<float, 60> costs{};  // of the last hour, by minute
  bool told_new = false;
  std::optional<OpenFinding> open;
  std::vector<KnownPattern> patterns;
  // This minute's; not saved.
  std::array<int64_t, kMetrics> now{};

  template <typename Codec>
  void Code(Codec& codec) {
    CodeDetectors(codec, detectors);
    codec(first_minute);
    codec(last_minute);
    codec.Each(costs);
    codec(told_new);
    bool is_open = open.has_value();
    codec(is_open);
    if (is_open) {
      if constexpr (Codec::kReading) open.emplace();
      codec(*open);
    }
    auto count = static_cast<uint32_t>(patterns.size());
    codec(count);
    if constexpr (Codec::kReading) {
      codec.Check(count <= kMaxPatterns);
      patterns.resize(codec.ok() ? count : 0);
    }
    codec.Each(patterns);
  }
};

}  // namespace quotaplane::anomaly
