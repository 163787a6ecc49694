#include "services/ledger/ledger_role.h"

#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/redis/outbox_depth.h"
#include "libs/ledger/redis/outbox_scripts.h"
#include "libs/log/log.h"
#include "libs/sql/migrate.h"
#include "services/ledger/erase_beside.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kOpenAgain = absl::Seconds(1);
constexpr absl::Duration kFirstConnection = absl::Seconds(1);
constexpr absl::Duration kDepthTimeout = absl::Seconds(1);
// The worker, the watch, upkeep's two, spend's, and two for each call.
constexpr int kOwnConnections = 5;

bool MustNotStart(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status);
}

RedisOutboxOptions OutboxOptions(const LedgerRoleOptions& options) {
  RedisOutboxOptions outbox;
  outbox.partitions = options.partitions;
  outbox.reader = options.reader;
  return outbox;
}

std::vector<const redis::Script*> Scripts() {
  std::vector<const redis::Script*> all = GetOutboxScripts().all();
  for (const redis::Script* script : GetBookMarkScripts().all()) all.push_back(script);
  return all;
}

// The end of a sampled trace: its charge is in the ledger.
void TraceWrites(const tracing::Tracer& tracer, std::span<const SettledCharge> charges,
                 int64_t began_us) {
  for (const SettledCharge& charge : charges) {
    if (charge.charge.trace.empty()) continue;
    const auto parent = tracing::UnpackTraceContext(charge.charge.trace);
    if (!parent.has_value()) continue;
    tracing::ActiveSpan span =
        tracer.Continue("ledger write", tracing::Span::Kind::kConsumer, *parent, began_us * 1'000);
    span.Set("quotaplane.charges", static_cast<int64_t>(charges.size()));
    span.End(absl::GetCurrentTimeNanos());
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<LedgerRole>> LedgerRole::Start(const ChargeCodec* codec,
                                                              CounterStore* store,
                                                              const SnapshotHolder* snapshots,
                                                              LedgerRoleOptions options) {
  QP_ASSIGN_OR_RETURN(std::unique_ptr<redis::Client> client,
                      redis::Client::Start(options.redis, Scripts()));
  // So that a start like any other does not log an outage; where it is one, the workers find out.
  client->WaitReady(kFirstConnection).IgnoreError();
  std::unique_ptr<LedgerRole> role(
      new LedgerRole(codec, store, snapshots, std::move(options), std::move(client)));
  const absl::Status opened = role->Open();
  if (MustNotStart(opened)) return opened;
  if (!opened.ok()) {
    LogError("the ledger is away, charges wait in the outbox: {}", opened.ToString());
    role->opener_ = std::thread([raw = role.get()] { raw->OpenLater(); });
  }
  return role;
}

LedgerRole::LedgerRole(const ChargeCodec* codec, CounterStore* store,
                       const SnapshotHolder* snapshots, LedgerRoleOptions options,
                       std::unique_ptr<redis::Client> client)
    : codec_(codec),
      store_(store),
      snapshots_(snapshots),
      options_(std::move(options)),
      client_(std::move(client)),
      outbox_(client_.get(), OutboxOptions(options_)),
      outbox_state_(client_.get(), options_.partitions),
      marks_(client_.get(), options_.partitions),
      calls_({.parts = [this] { return parts(); },
              .store_away = [this] { return !outbox_state_.Available(); },
              .status = [this] { return status(); },
              .store = store,
              .snapshots = snapshots},
             options_.calls) {}

LedgerRole::~LedgerRole() {
  stop_.Notify();
  if (opener_.joinable()) opener_.join();
  LedgerParts* const opened = parts();
  if (opened != nullptr) opened->books->Stop();
}

absl::Status LedgerRole::Open() {
  sql::DatabaseOptions database;
  database.url = options_.database_url;
  database.max_connections =
      kOwnConnections + 2 * (options_.calls.threads + options_.calls.books_threads);
  auto opened = std::make_unique<LedgerParts>();
  QP_ASSIGN_OR_RETURN(opened->database, sql::Database::Open(database));
  sql::Database* const db = opened->database.get();
  QP_RETURN_IF_ERROR(sql::Migrate(*db));
  const auto policies = [this] { return snapshots_->Get()->policies; };
  opened->writer = std::make_unique<LedgerWriter>(
      db, [this](const Subject& subject) { return CostCenter(subject); });
  opened->books = std::make_unique<Books>(db, store_, &outbox_state_);
  opened->seeding = std::make_unique<Seeding>(opened->books.get(), &marks_, db, options_.reader);
  opened->adjuster = std::make_unique<Adjuster>(db);
  opened->rerater = std::make_unique<Rerater>(db);
  opened->erasure =
      std::make_unique<Erasure>(db, opened->books.get(), &outbox_state_, codec_, EraseBesideLedger);
  opened->moves = std::make_unique<PendingMoves>(db, store_);
  UpkeepOptions upkeep;
  upkeep.policies = policies;
  upkeep.now_us = [] { return absl::ToUnixMicros(absl::Now()); };
  opened->upkeep = std::make_unique<Upkeep>(db, store_, std::move(upkeep));
  BookWatchOptions watch;
  watch.owner = options_.reader;
  opened->watch = std::make_unique<BookWatch>(opened->books.get(), opened->seeding.get(), &marks_,
                                              db, policies, std::move(watch));
  opened->spend = std::make_unique<SpendWatch>(
      db, [watch = opened->watch.get()] { return watch->state().watching; });
  LedgerWorkerOptions worker;
  worker.now_us = [] { return absl::ToUnixMicros(absl::Now()); };
  if (options_.tracer != nullptr) {
    worker.on_written = [tracer = options_.tracer](std::span<const SettledCharge> charges,
                                                   int64_t began_us) {
      TraceWrites(*tracer, charges, began_us);
    };
  }
  opened->worker =
      std::make_unique<LedgerWorker>(&outbox_, opened->writer.get(), codec_, std::move(worker));
  absl::MutexLock lock(&mutex_);
  parts_ = std::move(opened);
  return absl::OkStatus();
}

void LedgerRole::OpenLater() {
  while (!stop_.WaitForNotificationWithTimeout(kOpenAgain)) {
    const absl::Status opened = Open();
    if (opened.ok()) {
      LogInfo("the ledger is there");
      return;
    }
    if (MustNotStart(opened)) {
      LogCritical("the ledger cannot be used: {}", opened.ToString());
      return;
    }
  }
}

std::string LedgerRole::CostCenter(const Subject& subject) const {
  const std::shared_ptr<const Snapshot> snapshot = snapshots_->Get();
  return std::string(snapshot->policies->For(subject.org).policy->CostCenterOf(subject));
}

LedgerParts* LedgerRole::parts() const {
  absl::MutexLock lock(&mutex_);
  return parts_.get();
}

absl::Status LedgerRole::SeedAhead(const PolicySet& policies, absl::Duration patience) {
  LedgerParts* const opened = parts();
  if (opened == nullptr) return absl::UnavailableError("the ledger's database is away");
  return opened->watch->SeedAhead(policies, patience);
}

BookState LedgerRole::books() const {
  LedgerParts* const opened = parts();
  return opened == nullptr ? BookState() : opened->watch->state();
}

std::vector<metrics::Family> LedgerRole::SpendMetrics() const {
  LedgerParts* const opened = parts();
  return opened == nullptr ? std::vector<metrics::Family>() : opened->spend->Collect(absl::Now());
}

LedgerStatus LedgerRole::status() {
  LedgerStatus status;
  status.limits = CountCompared(*snapshots_->Get()->policies);
  const absl::StatusOr<OutboxDepth> depth =
      ReadOutboxDepth(*client_, options_.partitions, kDepthTimeout);
  if (depth.ok()) status.outbox = *depth;
  LedgerParts* const opened = parts();
  if (opened == nullptr) return status;
  status.worker = opened->worker->stats();
  status.available = !status.worker.away;
  status.pending_moves = opened->upkeep->stats().pending;
  status.books = opened->watch->state();
  return status;
}

}  // namespace quotaplane
