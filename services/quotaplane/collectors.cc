#include "services/quotaplane/collectors.h"

#include <memory>

#include "absl/time/clock.h"
#include "services/alerts/alert_metrics.h"
#include "services/ledger/ledger_metrics.h"
#include "services/quota/use_metrics.h"
#include "services/quotaplane/process_metrics.h"

namespace quotaplane {
namespace {

// Whose connections to the counter store there are.
NamedClients ClientsOf(const StoreRoles& roles) {
  NamedClients clients;
  if (roles.client != nullptr) clients.emplace_back("counters", roles.client.get());
  if (roles.control != nullptr) clients.emplace_back("control", roles.control->client());
  if (roles.ledger != nullptr) clients.emplace_back("ledger", roles.ledger->client());
  if (roles.alerts != nullptr) clients.emplace_back("alerts", roles.alerts->client());
  return clients;
}

std::vector<metrics::Family> FileMetrics(const Access& access, const StoreRoles& roles) {
  size_t rejected = access.failures().size();
  if (roles.config != nullptr) rejected += roles.config->failures().size();
  if (roles.alerts != nullptr) rejected += roles.alerts->failures().size();
  return {{"quotaplane_config_files_rejected",
           metrics::Family::Type::kGauge,
           "Files of which the present version could not be put in force; what was before it is.",
           {{static_cast<double>(rejected)}}}};
}

}  // namespace

std::vector<metrics::Collector> CollectorsOf(const ServeOptions& options, const Access& access,
                                             const RpcMeters& meters, const StoreRoles& roles) {
  std::vector<metrics::Collector> all = {
      [&options] { return ProcessMetrics(options.roles); },
      [&access] { return access.Metrics(); },
      [&meters] { return meters.Collect(); },
      [&access, &roles] { return FileMetrics(access, roles); },
  };
  if (roles.store != nullptr) {
    all.emplace_back([clients = ClientsOf(roles), partitions = roles.store->partitions()] {
      return RedisMetrics(clients, partitions);
    });
  }
  if (roles.config != nullptr) {
    all.emplace_back([snapshots = std::make_shared<SnapshotMetrics>(roles.config->snapshots())] {
      return snapshots->Collect(absl::Now());
    });
  }
  if (LedgerRole* const ledger = roles.ledger.get(); ledger != nullptr) {
    all.emplace_back([ledger] { return LedgerMetrics(ledger->status(), absl::Now()); });
    all.emplace_back([ledger] { return ledger->SpendMetrics(); });
  }
  if (roles.control != nullptr) {
    all.emplace_back([control = roles.control.get()] { return control->Metrics(); });
  }
  if (roles.alerts != nullptr) {
    all.emplace_back([alerts = roles.alerts.get()] { return AlertMetrics(alerts->status()); });
  }
  if (const QuotaRole* const quota = roles.quota.get(); quota != nullptr) {
    all.emplace_back([quota, store = roles.store.get()] {
      return UseMetrics(quota->uses(), store->EstimatedNowUs());
    });
    all.emplace_back([quota] { return quota->limits().Collect(); });
    all.emplace_back([quota] { return SpoolMetrics(quota->spool()); });
  }
  return all;
}

}  // namespace quotaplane
