// How good the bank is on the simulated company: what it found of what is to be found, how soon,
// and what it said besides.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/anomaly/simulator.h"

namespace quotaplane::anomaly {

struct EventScore {
  int64_t events = 0;
  int64_t found = 0;  // before they were over
  int64_t in_time =
      0;  // spikes within 2 minutes, shifts within an hour, others within their length
  std::vector<int64_t> delays_minutes{};  // of those found, sorted
};

struct Scorecard {
  std::array<EventScore, kEventKinds> by_event{};
  int64_t findings = 0;
  int64_t true_findings = 0;
  // Said of a scope that no event to be found was at, nor at one related to it, now or within the
  // hour before. Batches that are normal count here.
  int64_t false_findings = 0;
  int64_t false_at_month_end = 0;
  double scope_months = 0;  // of 30 days, after learning
  double scope_weeks = 0;

  double Recall(EventKind kind) const;  // in time
  double Precision() const;
  double FalsePerScopeMonth() const;
  double FindingsPerScopeWeek() const;
  // Adds another company's.
  void Add(const Scorecard& other);
};

struct JudgeOptions {
  SimulatorOptions company;
  // The bank's floor, as a share of what the simulator's events are expected to be worth: costs are
  // noisy, so half of those worth just the floor would come out below it.
  double floor_share = 0.75;
};

// Runs one company through one bank. Deterministic.
absl::StatusOr<Scorecard> Judge(const JudgeOptions& options);

}  // namespace quotaplane::anomaly
