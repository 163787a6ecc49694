// The bank's inside, for series_bank.cc and bank_rules.cc alone.
//   series_bank.cc   minutes in, findings begun and ended, feedback, state
//   bank_rules.cc    what is worth a finding, and who made the difference
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/anomaly/bank_scope.h"
#include "libs/anomaly/recent_usage.h"
#include "libs/anomaly/series_bank.h"
#include "libs/anomaly/session_watch.h"

namespace quotaplane::anomaly {

inline constexpr int64_t kMinuteUs = 60'000'000;
inline constexpr int64_t kDay = 24 * 60;  // in minutes
inline constexpr size_t kMaxContributors = 10;
inline constexpr std::array<Metric, kMetrics> kOrderOfMetrics = {
    Metric::kCost, Metric::kRequests, Metric::kTokens, Metric::kRefusals};

inline int64_t Round(double value) {
  return static_cast<int64_t>(std::clamp(std::round(value), -9e18, 9e18));
}

class SeriesBank::Impl {
 public:
  explicit Impl(const BankOptions& options)
      : options_(options), sessions_(options.max_sessions, options.floor_nano_usd) {}

  absl::StatusOr<std::vector<Finding>> Add(int64_t minute_us, int minute_of_week,
                                           std::span<const UsageRow> rows);
  std::vector<Finding> Open() const;
  std::optional<Finding> Find(uint64_t id) const;
  absl::Status Give(uint64_t id, Feedback feedback, int64_t sequence);
  int64_t heard() const { return heard_; }
  BankStats Stats() const;

  template <typename Codec>
  void Code(Codec& codec);

 private:
  using Scopes = std::map<ScopeKey, Scope>;
  struct Candidate {
    Finding finding;
    double ratio = 1;
    double margin = 0;  // by how much it is rarer than it must be
  };

  absl::Status Check(int64_t minute_us, int minute_of_week, std::span<const UsageRow> rows) const;
  void Skip(int64_t minute, int minute_of_week);
  void Minute(int64_t minute, int minute_of_week, std::span<const UsageRow> rows);
  void Collect(int64_t minute, std::span<const UsageRow> rows);
  void Evict(int64_t minute);
  void Judge(const ScopeKey& key, Scope& scope, int64_t minute, int minute_of_week);
  std::array<Judgement, kMetrics> StepAll(Scope& scope, int minute_of_week) const;
  std::optional<Candidate> Look(const Scope& scope, Metric metric, const Judgement& judgement,
                                int minute_of_week) const;
  std::optional<Candidate> LookAtWindow(const Scope& scope, Metric metric, size_t which,
                                        const WindowJudgement& judgement, int minute_of_week) const;
  std::optional<Candidate> LookAtHours(const ScopeKey& key, const Scope& scope,
                                       int minute_of_week) const;
  std::optional<Candidate> LookAtNew(const ScopeKey& key, Scope& scope, int64_t minute) const;
  void Begin(const ScopeKey& key, Scope& scope, Candidate candidate, int64_t minute,
             int minute_of_week);
  void GoOn(const ScopeKey& key, Scope& scope, const Judgement& judgement, int64_t minute,
            int minute_of_week);
  void End(const ScopeKey& key, Scope& scope, int64_t minute, FindingEnd end);
  void WatchSessions(int64_t minute, std::span<const UsageRow> rows);
  std::vector<Contributor> Contributors(const ScopeKey& key, const Candidate& candidate,
                                        int minute_of_week) const;
  bool IsExplained(const ScopeKey& key, const Candidate& candidate) const;
  bool IsKnown(const Scope& scope, const Candidate& candidate, int64_t minute,
               int minute_of_week) const;
  OpenFinding* FindOpen(uint64_t id, Scope** scope);
  absl::Status Heed(uint64_t id, Feedback feedback);

  BankOptions options_;
  Scopes scopes_;
  SessionWatch sessions_;
  RecentUsage recent_;
  std::map<std::pair<std::string, std::string>, Finding> runaways_;  // by org and session
  // Findings that are over, for feedback, the oldest first; with their scopes.
  std::vector<std::pair<ScopeKey, OpenFinding>> remembered_;
  int64_t last_minute_ = -1;
  int32_t last_minute_of_week_ = 0;
  uint64_t next_id_ = 1;
  uint64_t evicted_ = 0;
  int64_t heard_ = 0;
  std::vector<Finding> told_;  // by the minute under way; ends that feedback brought wait here
};

}  // namespace quotaplane::anomaly
