// What a process has beside the gRPC server and the reports: the counter store, and the roles that
// use it. serve.cc makes them.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "libs/counters/redis/redis_counter_store.h"
#include "libs/redis/client.h"
#include "services/admin/admin_role.h"
#include "services/ledger/ledger_role.h"
#include "services/quotaplane/access.h"
#include "services/quotaplane/alert_plane.h"
#include "services/quotaplane/control_plane.h"
#include "services/quotaplane/embedded_redis.h"
#include "services/quotaplane/live_config.h"
#include "services/quotaplane/quota_role.h"

namespace quotaplane {

// Null: the process has no such role, or no ledger for it.
struct StoreRoles {
  // Reloads use the ledger.
  ~StoreRoles() {
    if (config != nullptr) config->Stop();
  }

  // What is wrong with this process, for its reports. Thread-safe once `assembled`.
  std::string Conditions(const Access& access) const;

  // The ledger and quota, where wanted, are there, and threads of the control plane may ask them.
  std::atomic<bool> assembled = false;
  std::unique_ptr<LiveConfig> config;
  std::unique_ptr<EmbeddedRedis> embedded;
  std::unique_ptr<redis::Client> client;
  std::unique_ptr<RedisCounterStore> store;
  std::unique_ptr<LedgerRole> ledger;
  std::unique_ptr<QuotaRole> quota;
  std::unique_ptr<ControlPlane> control;
  std::unique_ptr<AdminRole> admin;
  std::unique_ptr<AlertPlane> alerts;
};

}  // namespace quotaplane
