// Which of the deployment's conditions this process tells, and which it says are over: those that
// it sees, and those that were told before it looked.
//
// Several processes look at the same deployment. What all of them can see has one alert, which each
// may end. What one alone sees (that the counter store does not answer it, its receivers file) has
// an alert of its own, which only that process ends, or its successor of the same name; another
// does once nobody has said it again for kSilentProcessUs, since then that process is gone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/alert_sources/condition_tracker.h"
#include "libs/alerts/alert_store.h"
#include "libs/sql/database.h"

namespace quotaplane {

inline constexpr int64_t kSilentProcessUs = int64_t{900} * 1'000'000;

// Not thread-safe.
class ConditionWatch {
 public:
  // `owner` is this process's name.
  explicit ConditionWatch(std::string owner);

  // What is to be recorded of `present`; again each time until Told says that it was. Errors are
  // the database's.
  absl::StatusOr<std::vector<Signal>> Look(const AlertStore& alerts, sql::Session& session,
                                           const std::vector<OperationsCondition>& present,
                                           int64_t now_us);
  void Told() { tracker_.Told(); }

 private:
  // What was told before this process looked; later on, what those left behind that are gone.
  absl::Status Adopt(const AlertStore& alerts, sql::Session& session, int64_t now_us);
  // What was counted up to now.
  absl::Status Remember(const AlertStore& alerts, sql::Session& session);
  bool MayEnd(const Alert& alert, int64_t now_us) const;

  const std::string owner_;
  ConditionTracker tracker_;
  bool adopted_ = false;
  int64_t adopt_at_us_ = 0;
};

}  // namespace quotaplane
