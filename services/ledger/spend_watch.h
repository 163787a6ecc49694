// Spend by cost center, read from the ledger again and again, for metrics. A thread of its own,
// since a large month may take the database a while; it rests nineteen times as long.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/metrics/family.h"
#include "libs/sql/database.h"

namespace quotaplane {

class SpendWatch {
 public:
  static constexpr size_t kMostSeries = 1'000;

  // `leading`: whether this process is the one that tells. Both must outlive it.
  SpendWatch(sql::Database* ledger, std::function<bool()> leading,
             absl::Duration every = absl::Minutes(1));
  // After the statement under way.
  ~SpendWatch();

  // Nothing where another process tells, or before the first reading. Thread-safe.
  std::vector<metrics::Family> Collect(absl::Time now) const;

 private:
  struct Spend {
    std::string org, cost_center;
    const char* month = "";  // "open" or "closed"
    int64_t nano_usd = 0;
  };

  void Run(absl::Duration every);
  // Of all orgs, the most first.
  absl::StatusOr<std::vector<Spend>> Read() const;

  sql::Database* const ledger_;
  const std::function<bool()> leading_;
  mutable Mutex mutex_;
  std::vector<Spend> spend_ ABSL_GUARDED_BY(mutex_);
  size_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time read_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();  // then there is none
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
