// How far limits are used up, for metrics: of every org, team, project and model that asked within
// the hour, what GetUsage says of the limits that are not about a single user, key or label.
//
// Looked up beside the calls, every few seconds, a few at a time: a scrape finds it at hand.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/admission/admission.h"
#include "libs/admission/use_counts.h"
#include "libs/base/mutex.h"
#include "libs/metrics/family.h"

namespace quotaplane {

class LimitWatch {
 public:
  static constexpr size_t kMostLimits = 1'000;

  // Starts a thread. Both must outlive it.
  LimitWatch(Admission* admission, const UseCounts* uses, absl::Duration every = absl::Seconds(15));
  // Waits for the look under way, two seconds at most.
  ~LimitWatch();

  // quotaplane_limit_utilization_ratio and its like. Thread-safe.
  std::vector<metrics::Family> Collect() const;

 private:
  // One limit and scope.
  struct Seen {
    std::string org, limit, scope;
    std::string team, project, model;  // of the scope; empty where it is of none
    double used_ratio = 0;
    int64_t exhausted_at_us = 0;  // 0: not before its period ends, or not known
  };

  void Run(absl::Duration every);
  // Of all that could be read in time. Fewer where the store is away.
  std::vector<Seen> Look() const;

  Admission* const admission_;
  const UseCounts* const uses_;
  mutable Mutex mutex_;
  std::vector<Seen> seen_ ABSL_GUARDED_BY(mutex_);  // at most kMostLimits
  size_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
