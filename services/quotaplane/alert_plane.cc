#include "services/quotaplane/alert_plane.h"

#include <utility>

#include "absl/time/clock.h"
#include "libs/alerts/receivers_reader.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/redis/outbox_depth.h"
#include "libs/log/log.h"
#include "services/alerts/deployment_conditions.h"
#include "services/quotaplane/process_conditions.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kFirstConnection = absl::Seconds(1);
constexpr absl::Duration kLookTimeout = absl::Seconds(1);

std::vector<const redis::Script*> Scripts() {
  std::vector<const redis::Script*> all = {&redis::AcknowledgeScript()};
  for (const redis::Script* script : GetBookMarkScripts().all()) all.push_back(script);
  return all;
}

CrossingStreamOptions CrossingOptions(const AlertPlaneOptions& options) {
  CrossingStreamOptions crossings;
  crossings.partitions = options.partitions;
  crossings.reader = options.owner;
  return crossings;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AlertPlane>> AlertPlane::Start(const ItemCodec* codec,
                                                              ItemBoard* board,
                                                              CounterStore* counters,
                                                              const SnapshotHolder* snapshots,
                                                              AlertPlaneOptions options) {
  auto receivers = std::make_shared<const Receivers>();
  if (!options.receivers.empty()) {
    QP_ASSIGN_OR_RETURN(receivers, LoadReceiversFile(options.receivers));
  } else {
    LogInfo("alerts are kept and listed; --receivers says who is told");
  }
  QP_ASSIGN_OR_RETURN(std::unique_ptr<redis::Client> client,
                      redis::Client::Start(options.redis, Scripts()));
  client->WaitReady(kFirstConnection).IgnoreError();
  std::unique_ptr<AlertPlane> plane(
      new AlertPlane(board, std::move(options), std::move(client), std::move(receivers)));
  AlertPlane* const raw = plane.get();
  AlertRoleOptions role;
  role.database_url = plane->options_.database_url;
  role.owner = plane->options_.owner;
  role.receivers = [raw] { return raw->receivers(); };
  role.store_now_us = [counters] { return counters->EstimatedNowUs(); };
  role.conditions = [raw] { return raw->Conditions(); };
  AlertRole::Store store;
  store.counters = counters;
  store.crossings = &plane->crossings_;
  store.outbox = &plane->outbox_;
  store.marks = &plane->marks_;
  store.forecasts = &plane->forecasts_;
  store.board = board;
  QP_ASSIGN_OR_RETURN(plane->role_, AlertRole::Start(codec, snapshots, store, std::move(role)));
  return plane;
}

AlertPlane::AlertPlane(ItemBoard* board, AlertPlaneOptions options,
                       std::unique_ptr<redis::Client> client,
                       std::shared_ptr<const Receivers> receivers)
    : board_(board),
      options_(std::move(options)),
      client_(std::move(client)),
      crossings_(client_.get(), CrossingOptions(options_)),
      outbox_(client_.get(), options_.partitions),
      marks_(client_.get(), options_.partitions),
      forecasts_(client_.get(), options_.partitions),
      receivers_(std::move(receivers)) {
  std::vector<ConfigWatcher::File> files;
  if (!options_.receivers.empty()) {
    files.push_back({options_.receivers, [this] { return ReloadReceivers(); }});
  }
  watcher_.emplace(std::move(files));
}

AlertPlane::~AlertPlane() = default;

std::shared_ptr<const Receivers> AlertPlane::receivers() const {
  MutexLock lock(mutex_);
  return receivers_;
}

absl::Status AlertPlane::ReloadReceivers() {
  QP_ASSIGN_OR_RETURN(std::shared_ptr<const Receivers> loaded,
                      LoadReceiversFile(options_.receivers));
  MutexLock lock(mutex_);
  receivers_.swap(loaded);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<OperationsCondition>> AlertPlane::LookAtStore() {
  QP_ASSIGN_OR_RETURN(const OutboxDepth outbox,
                      ReadOutboxDepth(*client_, options_.partitions, kLookTimeout));
  QP_ASSIGN_OR_RETURN(const CrossingDepth crossings,
                      ReadCrossingDepth(*client_, options_.partitions, kLookTimeout));
  QP_ASSIGN_OR_RETURN(const std::vector<ReplicaReport> replicas,
                      board_->Reports(absl::Now() + kLookTimeout));
  std::vector<OperationsCondition> seen = BacklogConditions(outbox);
  for (auto& more : {CrossingConditions(crossings), ReplicaConditions(replicas)}) {
    seen.insert(seen.end(), more.begin(), more.end());
  }
  return seen;
}

std::vector<OperationsCondition> AlertPlane::Conditions() {
  std::vector<OperationsCondition> present = ConditionsOfStore();
  // Beside the files that this replica reports.
  for (OperationsCondition& condition :
       ReceiversFileConditions(FileConditions(watcher_->failures()), options_.owner)) {
    present.push_back(std::move(condition));
  }
  return present;
}

std::vector<OperationsCondition> AlertPlane::ConditionsOfStore() {
  absl::StatusOr<std::vector<OperationsCondition>> seen = LookAtStore();
  if (seen.ok()) {
    last_seen_ = *std::move(seen);
    return last_seen_;
  }
  // What was there is there until somebody can look again.
  std::vector<OperationsCondition> assumed = last_seen_;
  assumed.push_back(StoreAway(seen.status(), options_.owner));
  return assumed;
}

}  // namespace quotaplane
