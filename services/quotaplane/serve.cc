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
#include "libs/config/policy_reader.h"
#include "libs/config/price_book_reader.h"
#include "libs/counters/redis/redis_counter_store.h"
#include "libs/counters/redis/scripts.h"
#include "libs/counters/redis/sweeper.h"
#include "libs/ledger/redis/refusal_outbox.h"
#include "libs/ledger/refusal_sender.h"
#include "libs/redis/client.h"
#include "libs/spool/spool.h"
#include "services/ledger/ledger_role.h"
#include "services/quota/charge_convert.h"
#include "services/quota/quota_server.h"
#include "services/quota/spool_drain.h"
#include "services/quotaplane/config_watcher.h"
#include "services/quotaplane/embedded_redis.h"
#include "services/reports/reports_role.h"

namespace quotaplane {
namespace {

// Calls under way end within the store's timeout and a flush of the spool; watchers of health are
// ended. Only a client that does not read what it is sent, be it the goodbye, takes longer.
constexpr absl::Duration kDrainGrace = absl::Seconds(3);
constexpr absl::Duration kStoreCheckTimeout = absl::Seconds(5);

// Without a policy file nothing is limited and every model may be used, priced or not.
std::shared_ptr<const Policy> OpenPolicy() {
  PolicyDocument document;
  document.unpriced_models = UnpricedModels::kFlag;
  return *Policy::Build(std::move(document));
}

absl::StatusOr<Snapshot> LoadSnapshot(const ServeOptions& options) {
  Snapshot snapshot{OpenPolicy(), DefaultPriceBook()};
  if (!options.policy.empty()) {
    QP_ASSIGN_OR_RETURN(snapshot.policy, LoadPolicyFile(options.policy));
  }
  if (!options.prices.empty()) {
    QP_ASSIGN_OR_RETURN(snapshot.prices, LoadPriceBookFile(options.prices));
  }
  return snapshot;
}

std::vector<ConfigWatcher::File> WatchedFiles(const ServeOptions& options,
                                              SnapshotHolder* snapshots) {
  std::vector<ConfigWatcher::File> files;
  if (!options.policy.empty()) {
    files.push_back({options.policy, [path = options.policy, snapshots]() -> absl::Status {
                       QP_ASSIGN_OR_RETURN(std::shared_ptr<const Policy> policy,
                                           LoadPolicyFile(path));
                       snapshots->SetPolicy(std::move(policy));
                       return absl::OkStatus();
                     }});
  }
  if (!options.prices.empty()) {
    files.push_back({options.prices, [path = options.prices, snapshots]() -> absl::Status {
                       QP_ASSIGN_OR_RETURN(std::shared_ptr<const PriceBook> prices,
                                           LoadPriceBookFile(path));
                       snapshots->SetPrices(std::move(prices));
                       return absl::OkStatus();
                     }});
  }
  return files;
}

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
                                                        int partitions, const ChargeCodec* codec) {
  LedgerRoleOptions role;
  role.database_url = LedgerUrl(options);
  if (role.database_url.empty()) {
    spdlog::warn("without --ledger, charges wait in the outbox for another process to take them");
    return nullptr;
  }
  role.redis = redis;
  role.partitions = partitions;
  role.reader = ReaderName(options);
  return LedgerRole::Start(codec, std::move(role));
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
                                                          const ChargeCodec* codec) {
    QP_ASSIGN_OR_RETURN(Snapshot first, LoadSnapshot(options));
    QP_ASSIGN_OR_RETURN(std::unique_ptr<Spool> spool, Spool::Open(options.data_dir + "/spool"));
    return std::unique_ptr<QuotaRole>(
        new QuotaRole(options, std::move(first), client, store, std::move(spool), codec));
  }

  Admission* admission() { return &admission_; }

 private:
  QuotaRole(const ServeOptions& options, Snapshot first, redis::Client* client,
            RedisCounterStore* store, std::unique_ptr<Spool> spool, const ChargeCodec* codec)
      : snapshots_(std::move(first)),
        spool_(std::move(spool)),
        charge_spool_(spool_.get()),
        admission_(store, &snapshots_, &charge_spool_, codec, &refusals_),
        refusal_outbox_(client, store->partitions()),
        refusal_sender_(&refusals_, &refusal_outbox_, codec, RefusalOptions()),
        sweeper_(store, {}),
        spool_drain_(spool_.get(), &admission_),
        watcher_(WatchedFiles(options, &snapshots_)) {}

  SnapshotHolder snapshots_;
  const std::unique_ptr<Spool> spool_;
  DiskChargeSpool charge_spool_;
  RefusalCounts refusals_;
  Admission admission_;
  RedisRefusalOutbox refusal_outbox_;
  RefusalSender refusal_sender_;
  Sweeper sweeper_;
  SpoolDrain spool_drain_;
  ConfigWatcher watcher_;
};

// The counter store, and whoever of quota and ledger this process is.
struct StoreRoles {
  std::unique_ptr<EmbeddedRedis> embedded;
  std::unique_ptr<redis::Client> client;
  std::unique_ptr<RedisCounterStore> store;
  std::unique_ptr<LedgerRole> ledger;
  std::unique_ptr<QuotaRole> quota;
};

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
  if (HasRole(options, "ledger")) {
    QP_ASSIGN_OR_RETURN(roles->ledger,
                        StartLedger(options, redis_options, roles->store->partitions(), codec));
  }
  if (HasRole(options, "quota")) {
    QP_ASSIGN_OR_RETURN(roles->quota,
                        QuotaRole::Start(options, roles->client.get(), roles->store.get(), codec));
  }
  return absl::OkStatus();
}

absl::Status Run(const ServeOptions& options, const sigset_t& stop_signals) {
  const LedgerCodec codec;
  StoreRoles roles;
  if (HasRole(options, "quota") || HasRole(options, "ledger")) {
    QP_RETURN_IF_ERROR(StartStoreRoles(options, &codec, &roles));
  }
  std::unique_ptr<ReportsRole> reports;
  if (HasRole(options, "reports")) {
    QP_ASSIGN_OR_RETURN(reports, StartReports(options));
  }
  std::unique_ptr<QuotaServer> server;
  if (roles.quota != nullptr || reports != nullptr) {
    QuotaServerOptions server_options;
    server_options.listen = options.listen;
    if (reports != nullptr) server_options.more.push_back(reports->service());
    QP_ASSIGN_OR_RETURN(
        server, QuotaServer::Start(roles.quota == nullptr ? nullptr : roles.quota->admission(),
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
