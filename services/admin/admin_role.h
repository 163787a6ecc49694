// The admin role of the server: keeps the control plane's database open and its schema current,
// answers AdminService, and publishes what changes to the board that replicas follow.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/control/item_codec.h"
#include "libs/control/items.h"
#include "libs/control/policy_versions.h"
#include "services/admin/admin_calls.h"
#include "services/rpc/stream_call.h"

namespace quotaplane {

struct AdminRoleOptions {
  std::string database_url;  // libs/sql/database.h
  // Of orgs that have no policy of their own. Thread-safe.
  DefaultPolicy default_policy;
  std::function<int64_t()> store_now_us;  // the counter store's clock. Thread-safe
  AdminCallsOptions calls = {};
};

class AdminRole {
 public:
  // FAILED_PRECONDITION: the database's schema is newer than this binary, or was changed.
  // INVALID_ARGUMENT: a malformed URL. A database that is away is neither: calls say so, and it is
  // tried again until it is there. `codec` and `board` must outlive the role.
  static absl::StatusOr<std::unique_ptr<AdminRole>> Start(const ItemCodec* codec, ItemBoard* board,
                                                          AdminRoleOptions options);
  // After the server that serves it. Waits for the calls under way.
  ~AdminRole();

  // What a server needs to serve AdminService. The role must outlive it.
  StreamService service() { return calls_.service(); }

 private:
  AdminRole(const ItemCodec* codec, ItemBoard* board, AdminRoleOptions options);
  absl::Status Open();
  // Opens the database if that is still to do, then takes away what has ended, again and again.
  void Upkeep();
  void TidyUp() const;
  // Null while the database has not been opened; then they stay.
  AdminParts* parts() const;

  const ItemCodec* const codec_;
  ItemBoard* const board_;
  const AdminRoleOptions options_;
  mutable absl::Mutex mutex_;
  std::unique_ptr<AdminParts> parts_ ABSL_GUARDED_BY(mutex_);
  absl::Notification stop_;
  std::thread upkeep_;
  AdminCalls calls_;  // last, so that its work ends before what it uses
};

}  // namespace quotaplane
