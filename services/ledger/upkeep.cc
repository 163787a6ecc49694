#include "services/ledger/upkeep.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kMoveEvery = absl::Seconds(2);
constexpr absl::Duration kDropEvery = absl::Hours(1);
constexpr int kOrgsAtOnce = 100;
constexpr char kActor[] = "retention";

// All orgs' moves; returns the first error.
absl::Status ApplyAll(PendingMoves* moves, const Policy& policy, const absl::Notification& stop) {
  std::string after;
  absl::Status first;
  for (;;) {
    QP_ASSIGN_OR_RETURN(const std::vector<std::string> orgs, moves->Orgs(after, kOrgsAtOnce));
    for (const std::string& org : orgs) {
      if (stop.HasBeenNotified()) return first;
      first.Update(moves->Apply(org, policy).status());
    }
    if (orgs.size() < kOrgsAtOnce) return first;
    after = orgs.back();
  }
}

}  // namespace

Upkeep::Upkeep(PendingMoves* moves, Retention* retention, PolicyOf policy)
    : moves_(moves),
      retention_(retention),
      policy_(std::move(policy)),
      thread_([this] { Run(); }) {}

Upkeep::~Upkeep() {
  stop_.Notify();
  thread_.join();
}

std::optional<int64_t> Upkeep::pending_moves() const {
  absl::MutexLock lock(&mutex_);
  return pending_;
}

void Upkeep::Run() {
  do {
    const std::shared_ptr<const Policy> policy = policy_();
    Move(*policy);
    if (absl::Now() >= next_drop_) Drop(*policy);
  } while (!stop_.WaitForNotificationWithTimeout(kMoveEvery));
}

void Upkeep::Move(const Policy& policy) {
  const absl::Status moved = ApplyAll(moves_, policy, stop_);
  if (!moved.ok() && !move_failed_) {
    spdlog::error("corrections wait to reach the counters: {}", moved.ToString());
  }
  move_failed_ = !moved.ok();
  const absl::StatusOr<int64_t> pending = moves_->Count();
  absl::MutexLock lock(&mutex_);
  pending_ = pending.ok() ? std::optional<int64_t>(*pending) : std::nullopt;
}

void Upkeep::Drop(const Policy& policy) {
  next_drop_ = absl::Now() + kDropEvery;
  const RetentionAges& ages = policy.document().retention;
  if (ages == RetentionAges()) return;
  const absl::StatusOr<Dropped> dropped =
      retention_->Run(ages, absl::ToUnixMicros(absl::Now()), kActor);
  if (!dropped.ok()) {
    spdlog::error("retention: {}", dropped.status().ToString());
  } else if (dropped->anything()) {
    spdlog::info("retention dropped {} months and {} entries, {} and {} sums of hours and days",
                 dropped->months, dropped->entries, dropped->hours, dropped->days);
  }
}

}  // namespace quotaplane
