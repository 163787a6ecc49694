#include "services/alerts/alert_role.h"

#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"
#include "libs/sql/migrate.h"
#include "services/alerts/alert_actions.h"
#include "services/alerts/deployment_conditions.h"
#include "services/alerts/erased_signals.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kOpenAgain = absl::Seconds(1);
constexpr absl::Duration kTick = absl::Milliseconds(250);
constexpr int64_t kConditionsEveryUs = 5'000'000;
constexpr int64_t kExpireEveryUs = 60'000'000;
constexpr int64_t kCountEveryUs = 5'000'000;
// The publisher, upkeep (a change and a read beside it), the crossings' reader, the watch, the
// forecasts, who writes down refusals, two tests of receivers, and the dispatch's look and senders.
constexpr int kOwnConnections = 15;

// SQLite has one writer at a time, and whoever waits is not first in a line: on a busy machine a
// person's call rather waits for a while than fails.
constexpr absl::Duration kLockTimeout = absl::Seconds(10);

bool MustNotStart(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status);
}

int64_t LocalNowUs() { return absl::ToUnixMicros(absl::Now()); }

// One write of the store in a transaction of its own.
template <typename Do>
absl::Status InTransaction(sql::Database& database, Do work) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database.Begin());
  QP_RETURN_IF_ERROR(work(*transaction));
  return transaction->Commit();
}

// As long as there is more to do.
template <typename Do>
absl::Status InTransactions(sql::Database& database, Do work) {
  bool more = true;
  while (more) {
    QP_RETURN_IF_ERROR(InTransaction(database, [&](sql::Transaction& transaction) -> absl::Status {
      QP_ASSIGN_OR_RETURN(more, work(transaction));
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<AlertRole>> AlertRole::Start(const ItemCodec* codec,
                                                            const SnapshotHolder* snapshots,
                                                            Store store, AlertRoleOptions options) {
  std::unique_ptr<AlertRole> role(new AlertRole(codec, snapshots, store, std::move(options)));
  const absl::Status opened = role->Open();
  if (MustNotStart(opened)) return opened;
  if (!opened.ok()) {
    LogError("the alerts' database is away, alerts wait for it: {}", opened.ToString());
  }
  role->upkeep_ = std::thread([raw = role.get()] { raw->Upkeep(); });
  return role;
}

AlertRole::AlertRole(const ItemCodec* codec, const SnapshotHolder* snapshots, Store store,
                     AlertRoleOptions options)
    : codec_(codec),
      snapshots_(snapshots),
      store_(store),
      options_(std::move(options)),
      conditions_(options_.owner),
      calls_({.parts = [this] { return parts(); },
              .receivers = options_.receivers,
              .store_now_us = options_.store_now_us},
             options_.calls) {}

AlertRole::~AlertRole() {
  stop_.Notify();
  if (upkeep_.joinable()) upkeep_.join();
  std::unique_ptr<CrossingReader> crossings;
  std::unique_ptr<AlertWatch> watch;
  std::unique_ptr<ForecastWatch> forecasts;
  {
    absl::MutexLock lock(&mutex_);
    forecasts = std::move(forecasts_);
    crossings = std::move(crossings_);
    watch = std::move(watch_);
  }
}

absl::Status AlertRole::Open() {
  const AlertCallsOptions& calls = options_.calls;
  sql::DatabaseOptions database;
  database.url = options_.database_url;
  database.lock_timeout = kLockTimeout;
  database.max_connections = kOwnConnections + 2 * calls.threads + calls.watchers;
  auto opened = std::make_unique<AlertParts>();
  AlertParts* const parts = opened.get();
  QP_ASSIGN_OR_RETURN(parts->database, sql::Database::Open(database));
  sql::Database* const db = parts->database.get();
  QP_RETURN_IF_ERROR(sql::Migrate(*db));
  parts->items = std::make_unique<ItemSource>(db);
  parts->publisher = std::make_unique<Publisher>(parts->items.get(), store_.board);
  parts->changes =
      std::make_unique<Changes>(db, [publisher = parts->publisher.get()] { publisher->Wake(); });
  parts->curbs = std::make_unique<CurbStore>(codec_);
  parts->alerts = std::make_unique<AlertStore>(options_.receivers);
  parts->queue = std::make_unique<DeliveryQueue>(db);
  AlertDispatchOptions dispatch;
  dispatch.receivers = options_.receivers;
  dispatch.now_us = LocalNowUs;
  parts->dispatch = std::make_unique<AlertDispatch>(db, std::move(dispatch));
  {
    absl::MutexLock lock(&mutex_);
    parts_ = std::move(opened);
  }
  const auto record = [this](absl::Span<const Signal> signals) { return Record(signals); };
  AlertWatchOptions watch;
  watch.owner = options_.owner;
  watch.policies = [this] { return policies(); };
  watch.store_now_us = options_.store_now_us;
  watch.record = record;
  absl::MutexLock lock(&mutex_);
  crossings_ = std::make_unique<CrossingReader>(
      store_.crossings, [this] { return policies(); }, record);
  watch_ = std::make_unique<AlertWatch>(db, parts->alerts.get(), store_.counters, store_.outbox,
                                        store_.marks, std::move(watch));
  ForecastWatchOptions forecast;
  forecast.leading = [watch = watch_.get()] { return watch->stats().leading; };
  forecast.policies = [this] { return policies(); };
  forecast.store_now_us = options_.store_now_us;
  forecast.record = record;
  forecasts_ = std::make_unique<ForecastWatch>(db, parts->alerts.get(), store_.counters,
                                               store_.forecasts, std::move(forecast));
  return absl::OkStatus();
}

absl::Status AlertRole::Record(absl::Span<const Signal> signals) {
  // One that breaks a rule, which is a mistake of ours, holds up no other.
  std::vector<Signal> sound;
  for (const Signal& signal : signals) {
    const absl::Status checked = CheckSignal(signal);
    if (checked.ok()) {
      sound.push_back(signal);
    } else {
      LogCritical("an alert is lost: {}", checked.ToString());
    }
  }
  if (sound.empty()) return absl::OkStatus();
  AlertParts* const opened = parts();
  std::vector<Recorded> recorded;
  QP_RETURN_IF_ERROR(
      InTransaction(*opened->database, [&](sql::Transaction& transaction) -> absl::Status {
        QP_RETURN_IF_ERROR(EraseSignals(transaction, &sound));
        QP_ASSIGN_OR_RETURN(recorded, opened->alerts->Record(transaction, sound, LocalNowUs()));
        return absl::OkStatus();
      }));
  for (size_t i = 0; i < recorded.size(); ++i) {
    if (recorded[i].outcome != RecordOutcome::kTooMany) continue;
    LogError("alerts of org \"{}\" are lost, it has {} open: {}", sound[i].org, kMaxOpenAlerts,
             sound[i].summary);
    break;  // one line for all of them: they come by the thousand
  }
  opened->dispatch->Wake();
  return absl::OkStatus();
}

void AlertRole::Upkeep() {
  while (parts() == nullptr) {
    if (stop_.WaitForNotificationWithTimeout(kOpenAgain)) return;
    const absl::Status opened = Open();
    if (opened.ok()) LogInfo("the alerts' database is there");
    if (MustNotStart(opened)) {
      LogCritical("the alerts' database cannot be used: {}", opened.ToString());
      return;
    }
  }
  do {
    const absl::Status ticked = Tick(*parts());
    if (!ticked.ok() && ticked.ToString() != last_error_) {
      LogError("alerts wait: {}", ticked.ToString());
    }
    last_error_ = ticked.ok() ? "" : ticked.ToString();
    absl::MutexLock lock(&mutex_);
    status_.available = ticked.ok();
  } while (!stop_.WaitForNotificationWithTimeout(kTick));
}

absl::Status AlertRole::Tick(AlertParts& parts) {
  const int64_t now_us = LocalNowUs();
  // Asked without a transaction, whose lock SQLite has but one of.
  QP_ASSIGN_OR_RETURN(const bool due, AlertStore::AnyDue(*parts.database, now_us));
  if (due) {
    QP_RETURN_IF_ERROR(InTransactions(*parts.database, [&](sql::Transaction& transaction) {
      return parts.alerts->Advance(transaction, now_us);
    }));
  }
  const absl::StatusOr<bool> actions = KeepActions(parts, now_us, options_.store_now_us());
  QP_RETURN_IF_ERROR(LookAfterConditions(parts, now_us));
  if (now_us >= expire_at_us_) {
    QP_RETURN_IF_ERROR(InTransactions(*parts.database, [&](sql::Transaction& transaction) {
      return parts.alerts->Expire(transaction, now_us);
    }));
    QP_RETURN_IF_ERROR(
        parts.curbs->DropEnded(*parts.database, *parts.changes, options_.store_now_us()).status());
    expire_at_us_ = now_us + kExpireEveryUs;
  }
  if (now_us >= counts_at_us_) {
    QP_ASSIGN_OR_RETURN(auto open, parts.alerts->Counts(*parts.database));
    QP_ASSIGN_OR_RETURN(auto deliveries, parts.queue->Depths());
    counts_at_us_ = now_us + kCountEveryUs;
    absl::MutexLock lock(&mutex_);
    status_.open = std::move(open);
    status_.deliveries = std::move(deliveries);
  }
  return actions.status();
}

absl::Status AlertRole::LookAfterConditions(AlertParts& parts, int64_t now_us) {
  if (now_us < conditions_at_us_ || !options_.conditions) return absl::OkStatus();
  conditions_at_us_ = now_us + kConditionsEveryUs;
  std::vector<OperationsCondition> present = options_.conditions();
  QP_ASSIGN_OR_RETURN(const auto deliveries, parts.queue->Depths());
  for (OperationsCondition& condition : DeliveryConditions(deliveries, now_us)) {
    present.push_back(std::move(condition));
  }
  QP_ASSIGN_OR_RETURN(const std::vector<Signal> signals,
                      conditions_.Look(*parts.alerts, *parts.database, present, now_us));
  for (size_t i = 0; i < signals.size(); i += kMaxSignalsAtOnce) {
    const size_t count = std::min(kMaxSignalsAtOnce, signals.size() - i);
    QP_RETURN_IF_ERROR(Record(absl::MakeConstSpan(signals).subspan(i, count)));
  }
  conditions_.Told();
  return absl::OkStatus();
}

AlertStatus AlertRole::status() const {
  absl::MutexLock lock(&mutex_);
  AlertStatus status = status_;
  if (parts_ != nullptr) status.dispatch = parts_->dispatch->stats();
  if (crossings_ != nullptr) status.crossings = crossings_->stats();
  if (watch_ != nullptr) {
    const AlertWatch::Stats watch = watch_->stats();
    status.leading = watch.leading;
    status.usage = watch.usage;
    status.forecasts = forecasts_->last();
  }
  return status;
}

AlertParts* AlertRole::parts() const {
  absl::MutexLock lock(&mutex_);
  return parts_.get();
}

}  // namespace quotaplane
