#include "services/quotaplane/serve.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/counters/redis/redis_counter_store.h"
#include "libs/counters/redis/scripts.h"
#include "libs/log/log.h"
#include "libs/log/log_ticker.h"
#include "libs/metrics/exposer.h"
#include "libs/redis/client.h"
#include "services/admin/admin_role.h"
#include "services/ledger/ledger_role.h"
#include "services/quota/charge_convert.h"
#include "services/quota/quota_server.h"
#include "services/quotaplane/access.h"
#include "services/quotaplane/alert_plane.h"
#include "services/quotaplane/collectors.h"
#include "services/quotaplane/control_plane.h"
#include "services/quotaplane/embedded_redis.h"
#include "services/quotaplane/live_config.h"
#include "services/quotaplane/quota_role.h"
#include "services/quotaplane/store_roles.h"
#include "services/quotaplane/telemetry.h"
#include "services/reports/reports_role.h"
#include "services/rpc/rpc_meters.h"

namespace quotaplane {
namespace {

// Calls under way end within the store's timeout and a flush of the spool; watchers of health are
// ended. Only a client that does not read what it is sent, be it the goodbye, takes longer.
constexpr absl::Duration kDrainGrace = absl::Seconds(3);
// Policies and price books come whole: 16 MiB, and what is around them.
constexpr int kMostDocumentBytes = 20 << 20;
constexpr absl::Duration kStoreCheckTimeout = absl::Seconds(5);
// How long a policy waits for its new limits to learn what was spent before.
constexpr absl::Duration kSeedPatience = absl::Seconds(5);
// The same for one that somebody has activated, who expects it within a second.
constexpr absl::Duration kActivatedSeedPatience = absl::Milliseconds(300);
// How long a start waits for what has changed since the state on disk.
constexpr absl::Duration kFirstContactPatience = absl::Seconds(2);

// A store that is away is no reason not to start: calls are answered by on_outage, usage is
// spooled. One that was set up otherwise is.
absl::Status CheckStore(RedisCounterStore* store, redis::Client* client) {
  absl::Status ready = client->WaitReady(kStoreCheckTimeout);
  std::string warning;
  absl::Status checked = ready.ok() ? store->CheckDeployment(kStoreCheckTimeout, &warning) : ready;
  if (absl::IsFailedPrecondition(checked)) return checked;
  if (!checked.ok()) LogError("the counter store is away: {}", checked.ToString());
  if (!warning.empty()) LogWarning("{}", warning);
  return absl::OkStatus();
}

// Which of several ledger workers this is. Stable over restarts, so that what a killed one was
// handed is taken up at once.
std::string ReaderName(const ServeOptions& options) {
  char host[256] = "localhost";
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, "/", std::filesystem::absolute(options.data_dir).string());
}

// Empty: this process knows of no ledger.
std::string LedgerUrl(const ServeOptions& options) {
  if (!options.ledger.empty() || !options.redis.empty()) return options.ledger;
  return absl::StrCat("sqlite:", std::filesystem::absolute(options.data_dir).string(),
                      "/ledger.db");
}

absl::StatusOr<std::unique_ptr<LedgerRole>> StartLedger(
    const ServeOptions& options, const redis::ClientOptions& redis, RedisCounterStore* store,
    const SnapshotHolder* snapshots, const tracing::Tracer* tracer, const ChargeCodec* codec) {
  LedgerRoleOptions role;
  role.tracer = tracer;
  role.database_url = LedgerUrl(options);
  if (role.database_url.empty()) {
    LogWarning("without --ledger, charges wait in the outbox for another process to take them");
    return nullptr;
  }
  role.redis = redis;
  role.partitions = store->partitions();
  role.reader = ReaderName(options);
  return LedgerRole::Start(codec, store, snapshots, std::move(role));
}

absl::StatusOr<std::unique_ptr<ReportsRole>> StartReports(const ServeOptions& options, bool alone) {
  ReportsRoleOptions role;
  role.watch_log_level = alone;
  role.database_url = LedgerUrl(options);
  if (role.database_url.empty()) {
    LogWarning("without --ledger there is nothing to report from");
    return nullptr;
  }
  return ReportsRole::Start(std::move(role));
}

absl::StatusOr<std::unique_ptr<AdminRole>> StartAdmin(const ServeOptions& options,
                                                      const LiveConfig& config,
                                                      const CounterStore& store,
                                                      ControlPlane* control) {
  AdminRoleOptions role;
  role.database_url = LedgerUrl(options);
  if (role.database_url.empty()) {
    LogWarning("without --ledger there is nowhere to keep what admins change");
    return nullptr;
  }
  role.default_policy = [snapshots = config.snapshots()] {
    const std::shared_ptr<const Snapshot> snapshot = snapshots->Get();
    return std::shared_ptr<const Policy>(snapshot, &snapshot->policies->default_policy());
  };
  role.store_now_us = [&store] { return store.EstimatedNowUs(); };
  return AdminRole::Start(control->codec(), control->board(), std::move(role));
}

bool HasRole(const ServeOptions& options, std::string_view role) {
  return std::find(options.roles.begin(), options.roles.end(), role) != options.roles.end();
}

absl::StatusOr<std::unique_ptr<AlertPlane>> StartAlerts(const ServeOptions& options,
                                                        const redis::ClientOptions& redis,
                                                        const StoreRoles& roles) {
  AlertPlaneOptions plane;
  plane.database_url = LedgerUrl(options);
  if (plane.database_url.empty()) {
    LogWarning("without --ledger there is nowhere to keep alerts");
    return nullptr;
  }
  plane.redis = redis;
  plane.partitions = roles.store->partitions();
  plane.owner = ReaderName(options);
  plane.receivers = options.receivers;
  return AlertPlane::Start(roles.control->codec(), roles.control->board(), roles.store.get(),
                           roles.config->snapshots(), std::move(plane));
}

// Before policies take force, their new limits learn what was spent in their periods so far.
void SeedNewLimits(LedgerRole* ledger, const PolicySet& next, const PolicySet* present,
                   absl::Duration patience) {
  if (present == nullptr ? CountCompared(next) == 0 : !HasNewFamilies(next, *present)) return;
  if (ledger == nullptr) {
    if (present == nullptr) return;
    LogWarning(
        "a policy has new limits: they count from now on, and the ledger's process adds what "
        "was spent before; `quotactl rebuild-counters --policy` does so ahead of a policy");
    return;
  }
  const absl::Status seeded = ledger->SeedAhead(next, patience);
  if (seeded.ok()) return;
  LogError("limits count without what was spent before, until the ledger can tell: {}",
           seeded.ToString());
}

absl::StatusOr<std::unique_ptr<ControlPlane>> StartControl(const ServeOptions& options,
                                                           const redis::ClientOptions& redis,
                                                           const Access& access,
                                                           const StoreRoles& roles) {
  ControlPlaneOptions control;
  control.conditions = [&access, &roles] {
    return roles.assembled ? roles.Conditions(access) : std::string();
  };
  control.redis = redis;
  control.replica = ReaderName(options);
  control.saved_dir = options.data_dir + "/control";
  control.now_us = [store = roles.store.get()] { return store->EstimatedNowUs(); };
  // Other processes leave that to the ledger's.
  if (HasRole(options, "ledger")) {
    control.before_policies = [&roles](const PolicySet& next, const PolicySet& present) {
      if (!roles.assembled || roles.ledger == nullptr) return;
      SeedNewLimits(roles.ledger.get(), next, &present, kActivatedSeedPatience);
    };
  }
  return ControlPlane::Start(roles.config->snapshots(), std::move(control), kFirstContactPatience);
}

absl::Status StartStoreRoles(const ServeOptions& options, const Access& access,
                             const tracing::Tracer* tracer, const ChargeCodec* codec,
                             StoreRoles* roles) {
  redis::ClientOptions redis_options;
  redis_options.url = options.redis;
  if (options.redis.empty()) {
    QP_ASSIGN_OR_RETURN(roles->embedded, EmbeddedRedis::Start(options.data_dir + "/redis"));
    redis_options.url = roles->embedded->url();
  }
  QP_ASSIGN_OR_RETURN(roles->client,
                      redis::Client::Start(redis_options, GetCounterScripts().all()));
  roles->store =
      std::make_unique<RedisCounterStore>(roles->client.get(), RedisCounterStoreOptions());
  QP_RETURN_IF_ERROR(CheckStore(roles->store.get(), roles->client.get()));
  QP_ASSIGN_OR_RETURN(roles->config, LiveConfig::Load(options.policy, options.prices));
  const SnapshotHolder* const snapshots = roles->config->snapshots();
  // First, since whoever fills counters must know which orgs have policies of their own: by the
  // file alone those would be back under it, and what differs in their counters would be moved.
  QP_ASSIGN_OR_RETURN(roles->control, StartControl(options, redis_options, access, *roles));
  if (HasRole(options, "ledger")) {
    QP_ASSIGN_OR_RETURN(roles->ledger, StartLedger(options, redis_options, roles->store.get(),
                                                   snapshots, tracer, codec));
    SeedNewLimits(roles->ledger.get(), *snapshots->Get()->policies, nullptr, kSeedPatience);
  }
  if (HasRole(options, "quota")) {
    QP_ASSIGN_OR_RETURN(roles->quota, QuotaRole::Start(options, roles->client.get(),
                                                       roles->store.get(), snapshots, codec));
  }
  roles->assembled = true;
  if (HasRole(options, "admin")) {
    QP_ASSIGN_OR_RETURN(roles->admin,
                        StartAdmin(options, *roles->config, *roles->store, roles->control.get()));
  }
  if (HasRole(options, "alerts")) {
    QP_ASSIGN_OR_RETURN(roles->alerts, StartAlerts(options, redis_options, *roles));
  }
  roles->config->Watch(
      [ledger = roles->ledger.get()](const PolicySet& next, const PolicySet& present) {
        SeedNewLimits(ledger, next, &present, kSeedPatience);
      },
      [control = roles->control.get()](std::shared_ptr<const PriceBook> prices) {
        control->SetFilePrices(std::move(prices));
      });
  return absl::OkStatus();
}

// The default address may be taken, by a second server on a laptop: that goes without metrics. One
// that was asked for has to be there.
absl::StatusOr<std::unique_ptr<metrics::Exposer>> StartMetrics(
    const ServeOptions& options, std::vector<metrics::Collector> collectors,
    const std::atomic<bool>* ready) {
  const bool asked_for = !options.metrics_listen.empty();
  auto exposer =
      metrics::Exposer::Start({asked_for ? options.metrics_listen : kDefaultMetricsListen,
                               std::move(collectors), [ready] { return ready->load(); }});
  if (exposer.ok()) {
    LogInfo("metrics on http://{}/metrics", (*exposer)->address());
  } else if (!asked_for) {
    LogWarning("no metrics: {}; --metrics-listen gives another address",
               std::string(exposer.status().message()));
    return nullptr;
  }
  return exposer;
}

absl::Status Run(const ServeOptions& options, const sigset_t& stop_signals) {
  // First, so that what must not be reached never is.
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<Access> access, Access::Load(options));
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<Telemetry> telemetry,
                      Telemetry::Load(options, ReaderName(options)));
  const LedgerCodec codec;
  StoreRoles roles;
  if (HasRole(options, "quota") || HasRole(options, "ledger") || HasRole(options, "admin") ||
      HasRole(options, "alerts")) {
    QP_RETURN_IF_ERROR(StartStoreRoles(options, *access, telemetry->tracer(), &codec, &roles));
  }
  std::unique_ptr<ReportsRole> reports;
  if (HasRole(options, "reports")) {
    QP_ASSIGN_OR_RETURN(reports, StartReports(options, roles.control == nullptr));
  }
  RpcMeters meters;
  std::atomic<bool> ready = false;
  std::unique_ptr<QuotaServer> server;
  // Prometheus and a collector of OpenTelemetry may ask at once.
  std::vector<metrics::Collector> collectors = {
      metrics::Shared(CollectorsOf(options, *access, meters, roles))};
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<OtlpExporter> exporter, telemetry->Export(collectors));
  collectors.emplace_back([&] { return telemetry->Metrics(exporter.get()); });
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<metrics::Exposer> exposer,
                      StartMetrics(options, std::move(collectors), &ready));
  if (roles.quota != nullptr || roles.ledger != nullptr || roles.admin != nullptr ||
      roles.alerts != nullptr || reports != nullptr) {
    QuotaServerOptions server_options;
    server_options.listen = options.listen;
    server_options.authenticator = access->authenticator();
    server_options.tls = access->tls();
    server_options.tracer = telemetry->tracer();
    server_options.refusals = access->refusals();
    server_options.meters = &meters;
    if (roles.ledger != nullptr) server_options.more.push_back(roles.ledger->service());
    if (reports != nullptr) server_options.more.push_back(reports->service());
    if (roles.alerts != nullptr) server_options.more.push_back(roles.alerts->service());
    if (roles.admin != nullptr) {
      server_options.more.push_back(roles.admin->service());
      server_options.most_request_bytes = kMostDocumentBytes;
    }
    QP_ASSIGN_OR_RETURN(
        server, QuotaServer::Start(roles.quota == nullptr ? nullptr : roles.quota->admission(),
                                   roles.control == nullptr ? nullptr : roles.control->keys(),
                                   server_options));
    std::printf("ready: listening on %s\n", server->address().c_str());
  } else {
    std::printf("ready: no address to listen on\n");
  }
  std::fflush(stdout);
  ready = true;
  int signal = 0;
  sigwait(&stop_signals, &signal);
  LogInfo("{}: draining", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  ready = false;
  if (server != nullptr) server->Drain(kDrainGrace);
  return absl::OkStatus();
}

}  // namespace

int Serve(const ServeOptions& options) {
  // Blocked before any thread is made, so that all inherit it and only sigwait sees them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  const LogTicker ticker;
  const absl::Status status = Run(options, stop_signals);
  if (status.ok()) return 0;
  std::fprintf(stderr, "quotaplane: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace quotaplane
