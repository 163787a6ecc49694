// The default policy and the price book of the process: read at the start, reloaded when their
// files change.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "libs/admission/snapshot.h"
#include "libs/base/mutex.h"
#include "services/quotaplane/config_watcher.h"

namespace quotaplane {

class LiveConfig {
 public:
  // Files; empty: no limits, and the built-in prices. INVALID_ARGUMENT lists what is wrong with
  // them.
  static absl::StatusOr<std::unique_ptr<LiveConfig>> Load(const std::string& policy,
                                                          const std::string& prices);

  const SnapshotHolder* snapshots() const { return &snapshots_; }
  // For those that change other parts of it.
  SnapshotHolder* snapshots() { return &snapshots_; }

  // Reloads from now on. A policy takes force when `before_policies(next, present)` has returned;
  // prices are handed to `set_prices`. What these use has to be there until Stop.
  using BeforePolicies = std::function<void(const PolicySet& next, const PolicySet& present)>;
  using SetPrices = std::function<void(std::shared_ptr<const PriceBook> prices)>;
  void Watch(BeforePolicies before_policies, SetPrices set_prices);
  void Stop();
  // ConfigWatcher::failures. Thread-safe.
  std::map<std::string, std::string> failures() const;

 private:
  absl::Status ReloadPolicy(const BeforePolicies& before_policies);

  LiveConfig(Snapshot first, std::string policy, std::string prices);

  const std::string policy_file_;
  const std::string prices_file_;
  SnapshotHolder snapshots_;
  mutable Mutex mutex_;
  std::unique_ptr<ConfigWatcher> watcher_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quotaplane
