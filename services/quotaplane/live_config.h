// The default policy and the price book of the process: read at the start, reloaded when their
// files change.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "libs/admission/snapshot.h"
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

  // Reloads from now on. A policy takes force when `before_policies(next, present)` has returned.
  // What that uses has to be there until Stop.
  using BeforePolicies = std::function<void(const PolicySet& next, const PolicySet& present)>;
  void Watch(BeforePolicies before_policies);
  void Stop() { watcher_.reset(); }

 private:
  absl::Status ReloadPolicy(const BeforePolicies& before_policies);

  LiveConfig(Snapshot first, std::string policy, std::string prices);

  const std::string policy_file_;
  const std::string prices_file_;
  SnapshotHolder snapshots_;
  std::optional<ConfigWatcher> watcher_;
};

}  // namespace quotaplane
