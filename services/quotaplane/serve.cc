#include "services/quotaplane/serve.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "libs/admission/admission.h"
#include "libs/base/status_macros.h"
#include "libs/counters/redis/redis_counter_store.h"
#include "libs/counters/redis/scripts.h"
#include "libs/counters/redis/sweeper.h"
#include "libs/ledger/redis/refusal_outbox.h"
#include "libs/ledger/refusal_sender.h"
#include "libs/metrics/exposer.h"
#include "libs/redis/client.h"
#include "libs/spool/spool.h"
#include "services/admin/admin_role.h"
#include "services/ledger/ledger_metrics.h"
#include "services/ledger/ledger_role.h"
#include "services/quota/charge_convert.h"
#include "services/quota/quota_server.h"
#include "services/quota/spool_drain.h"
#include "services/quotaplane/access.h"
#include "services/quotaplane/control_plane.h"
#include "services/quotaplane/embedded_redis.h"
#include "services/quotaplane/live_config.h"
#include "services/reports/reports_role.h"

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
  if (!checked.ok()) spdlog::error("the counter store is away: {}", checked.ToString());
  if (!warning.empty()) spdlog::warn("{}", warning);
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

absl::StatusOr<std::unique_ptr<LedgerRole>> StartLedger(const ServeOptions& options,
                                                        const redis::ClientOptions& redis,
                                                        RedisCounterStore* store,
                                                        const SnapshotHolder* snapshots,
                                                        const ChargeCodec* codec) {
  LedgerRoleOptions role;
  role.database_url = LedgerUrl(options);
  if (role.database_url.empty()) {
    spdlog::warn("without --ledger, charges wait in the outbox for another process to take them");
    return nullptr;
  }
  role.redis = redis;
  role.partitions = store->partitions();
  role.reader = ReaderName(options);
  return LedgerRole::Start(codec, store, snapshots, std::move(role));
}

absl::StatusOr<std::unique_ptr<ReportsRole>> StartReports(const ServeOptions& options) {
  ReportsRoleOptions role;
  role.database_url = LedgerUrl(options);
  if (role.database_url.empty()) {
    spdlog::warn("without --ledger there is nothing to report from");
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
    spdlog::warn("without --ledger there is nowhere to keep what admins change");
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

RefusalSenderOptions RefusalOptions() {
  absl::BitGen random;
  RefusalSenderOptions options;
  options.instance = absl::StrFormat("%016x%016x", absl::Uniform<uint64_t>(random),
                                     absl::Uniform<uint64_t>(random));
  return options;
}

// What answers QuotaService.
class QuotaRole {
 public:
  static absl::StatusOr<std::unique_ptr<QuotaRole>> Start(const ServeOptions& options,
                                                          redis::Client* client,
                                                          RedisCounterStore* store,
                                                          const SnapshotHolder* snapshots,
                                                          const ChargeCodec* codec) {
    QP_ASSIGN_OR_RETURN(std::unique_ptr<Spool> spool, Spool::Open(options.data_dir + "/spool"));
    return std::unique_ptr<QuotaRole>(
        new QuotaRole(client, store, snapshots, std::move(spool), codec));
  }

  Admission* admission() { return &admission_; }
  SpoolStats spool() const { return spool_->stats(); }

 private:
  QuotaRole(redis::Client* client, RedisCounterStore* store, const SnapshotHolder* snapshots,
            std::unique_ptr<Spool> spool, const ChargeCodec* codec)
      : spool_(std::move(spool)),
        charge_spool_(spool_.get()),
        admission_(store, snapshots, &charge_spool_, codec, &refusals_),
        refusal_outbox_(client, store->partitions()),
        refusal_sender_(&refusals_, &refusal_outbox_, codec, RefusalOptions()),
        sweeper_(store, {}),
        spool_drain_(spool_.get(), &admission_) {}

  const std::unique_ptr<Spool> spool_;
  DiskChargeSpool charge_spool_;
  RefusalCounts refusals_;
  Admission admission_;
  RedisRefusalOutbox refusal_outbox_;
  RefusalSender refusal_sender_;
  Sweeper sweeper_;
  SpoolDrain spool_drain_;
};

// The counter store, and whoever of quota, ledger and admin this process is.
struct StoreRoles {
  // Reloads use the ledger.
  ~StoreRoles() {
    if (config != nullptr) config->Stop();
  }

  std::unique_ptr<LiveConfig> config;
  std::unique_ptr<EmbeddedRedis> embedded;
  std::unique_ptr<redis::Client> client;
  std::unique_ptr<RedisCounterStore> store;
  std::unique_ptr<LedgerRole> ledger;
  std::unique_ptr<QuotaRole> quota;
  std::unique_ptr<ControlPlane> control;
  std::unique_ptr<AdminRole> admin;
};

// Before policies take force, their new limits learn what was spent in their periods so far.
void SeedNewLimits(LedgerRole* ledger, const PolicySet& next, const PolicySet* present,
                   absl::Duration patience) {
  if (present == nullptr ? CountCompared(next) == 0 : !HasNewFamilies(next, *present)) return;
  if (ledger == nullptr) {
    if (present == nullptr) return;
    spdlog::warn(
        "a policy has new limits: they count from now on, and the ledger's process adds what "
        "was spent before; `quotactl rebuild-counters --policy` does so ahead of a policy");
    return;
  }
  const absl::Status seeded = ledger->SeedAhead(next, patience);
  if (seeded.ok()) return;
  spdlog::error("limits count without what was spent before, until the ledger can tell: {}",
                seeded.ToString());
}

absl::StatusOr<std::unique_ptr<ControlPlane>> StartControl(const ServeOptions& options,
                                                           const redis::ClientOptions& redis,
                                                           const StoreRoles& roles) {
  ControlPlaneOptions control;
  control.redis = redis;
  control.replica = ReaderName(options);
  control.saved_dir = options.data_dir + "/control";
  control.now_us = [store = roles.store.get()] { return store->EstimatedNowUs(); };
  // Other processes leave that to the ledger's.
  if (LedgerRole* const ledger = roles.ledger.get(); ledger != nullptr) {
    control.before_policies = [ledger](const PolicySet& next, const PolicySet& present) {
      SeedNewLimits(ledger, next, &present, kActivatedSeedPatience);
    };
  }
  return ControlPlane::Start(roles.config->snapshots(), std::move(control), kFirstContactPatience);
}

absl::Status StartStoreRoles(const ServeOptions& options, const ChargeCodec* codec,
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
  if (HasRole(options, "ledger")) {
    QP_ASSIGN_OR_RETURN(roles->ledger,
                        StartLedger(options, redis_options, roles->store.get(), snapshots, codec));
    SeedNewLimits(roles->ledger.get(), *snapshots->Get()->policies, nullptr, kSeedPatience);
  }
  if (HasRole(options, "quota")) {
    QP_ASSIGN_OR_RETURN(roles->quota, QuotaRole::Start(options, roles->client.get(),
                                                       roles->store.get(), snapshots, codec));
  }
  QP_ASSIGN_OR_RETURN(roles->control, StartControl(options, redis_options, *roles));
  if (HasRole(options, "admin")) {
    QP_ASSIGN_OR_RETURN(roles->admin,
                        StartAdmin(options, *roles->config, *roles->store, roles->control.get()));
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

std::vector<metrics::Family> SpoolMetrics(const SpoolStats& spool) {
  using metrics::Family;
  return {{"quotaplane_spool_records",
           Family::Type::kGauge,
           "Charges on this replica's disk, which wait for the counter store.",
           {{static_cast<double>(spool.records)}}},
          {"quotaplane_spool_bytes",
           Family::Type::kGauge,
           "Their bytes.",
           {{static_cast<double>(spool.bytes)}}}};
}

// The default address may be taken, by a second server on a laptop: that goes without metrics. One
// that was asked for has to be there.
absl::StatusOr<std::unique_ptr<metrics::Exposer>> StartMetrics(const ServeOptions& options,
                                                               const Access& access,
                                                               const StoreRoles& roles) {
  std::vector<metrics::Collector> collectors = {[&access] { return access.Metrics(); }};
  if (roles.ledger != nullptr) {
    collectors.emplace_back(
        [ledger = roles.ledger.get()] { return LedgerMetrics(ledger->status(), absl::Now()); });
  }
  if (roles.control != nullptr) {
    collectors.emplace_back([control = roles.control.get()] { return control->Metrics(); });
  }
  if (roles.quota != nullptr) {
    collectors.emplace_back([quota = roles.quota.get()] { return SpoolMetrics(quota->spool()); });
  }
  const bool asked_for = !options.metrics_listen.empty();
  auto exposer = metrics::Exposer::Start(asked_for ? options.metrics_listen : kDefaultMetricsListen,
                                         std::move(collectors));
  if (exposer.ok()) {
    spdlog::info("metrics on http://{}/metrics", (*exposer)->address());
  } else if (!asked_for) {
    spdlog::warn("no metrics: {}; --metrics-listen gives another address",
                 std::string(exposer.status().message()));
    return nullptr;
  }
  return exposer;
}

absl::Status Run(const ServeOptions& options, const sigset_t& stop_signals) {
  // First, so that what must not be reached never is.
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<Access> access, Access::Load(options));
  const LedgerCodec codec;
  StoreRoles roles;
  if (HasRole(options, "quota") || HasRole(options, "ledger") || HasRole(options, "admin")) {
    QP_RETURN_IF_ERROR(StartStoreRoles(options, &codec, &roles));
  }
  std::unique_ptr<ReportsRole> reports;
  if (HasRole(options, "reports")) {
    QP_ASSIGN_OR_RETURN(reports, StartReports(options));
  }
  std::unique_ptr<QuotaServer> server;
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<metrics::Exposer> exposer,
                      StartMetrics(options, *access, roles));
  if (roles.quota != nullptr || roles.ledger != nullptr || roles.admin != nullptr ||
      reports != nullptr) {
    QuotaServerOptions server_options;
    server_options.listen = options.listen;
    server_options.authenticator = access->authenticator();
    server_options.tls = access->tls();
    server_options.refusals = access->refusals();
    if (roles.ledger != nullptr) server_options.more.push_back(roles.ledger->service());
    if (reports != nullptr) server_options.more.push_back(reports->service());
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
  int signal = 0;
  sigwait(&stop_signals, &signal);
  spdlog::info("{}: draining", signal == SIGTERM ? "SIGTERM" : "SIGINT");
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
  const absl::Status status = Run(options, stop_signals);
  if (status.ok()) return 0;
  std::fprintf(stderr, "quotaplane: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace quotaplane
