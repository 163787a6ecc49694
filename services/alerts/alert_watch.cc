#include "services/alerts/alert_watch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

// A lease is a partition's; this one is of all of them.
constexpr int kLeasePartition = 0;
constexpr char kLeaseName[] = "alerts";
constexpr size_t kAtOnce = 1'000;
// How often in the time of a lease a long round asks whether it is held.
constexpr int kAsksInLease = 4;

}  // namespace

AlertWatch::AlertWatch(sql::Database* database, const AlertStore* alerts, CounterStore* counters,
                       OutboxState* outbox, BookMarks* marks, AlertWatchOptions options)
    : database_(database),
      alerts_(alerts),
      marks_(marks),
      options_(std::move(options)),
      usage_(database, outbox, options_.record),
      ends_(counters),
      thread_([this] { Run(); }) {}

AlertWatch::~AlertWatch() {
  stop_.Notify();
  thread_.join();
}

AlertWatch::Stats AlertWatch::stats() const {
  absl::MutexLock lock(&mutex_);
  return stats_;
}

void AlertWatch::Run() {
  do {
    if (!Lead()) continue;
    const absl::Status round = Round();
    if (!round.ok() && round.ToString() != last_error_) {
      LogError("the watch over usage waits: {}", round.ToString());
    }
    last_error_ = round.ok() ? "" : round.ToString();
    const UsageWatch::Stats usage = usage_.stats();
    absl::MutexLock lock(&mutex_);
    if (usage.lost_states > stats_.usage.lost_states) {
      LogError("what was saved of an org's usage cannot be read: it is learnt anew");
    }
    stats_ = {leading_, usage};
  } while (!stop_.WaitForNotificationWithTimeout(options_.tick));
  if (!leading_) return;
  const absl::Status saved = usage_.Save(options_.store_now_us());
  if (!saved.ok()) {
    LogWarning("what was learnt of usage is not saved, it is learnt again: {}", saved.ToString());
  }
  marks_->Give(kLeasePartition, kLeaseName, options_.owner).IgnoreError();
}

bool AlertWatch::Lead() {
  const absl::Time asked_at = absl::Now();
  const absl::StatusOr<bool> held =
      leading_ ? marks_->Keep(kLeasePartition, kLeaseName, options_.owner, options_.lease)
               : marks_->Take(kLeasePartition, kLeaseName, options_.owner, options_.lease);
  const bool lead = held.ok() && *held;
  if (lead && !leading_) {
    // Somebody else may have gone on from where this process was.
    usage_.Reset();
    said_ = 0;
    LogInfo("watching usage");
  }
  leading_ = lead;
  led_at_ = asked_at;
  // At once: learning an org's past takes minutes, and forecasts do not wait for it.
  absl::MutexLock lock(&mutex_);
  stats_.leading = lead;
  return lead;
}

bool AlertWatch::LeadStill() {
  if (stop_.HasBeenNotified()) return false;
  if (absl::Now() - led_at_ < options_.lease / kAsksInLease) return true;
  return Lead();
}

absl::Status AlertWatch::Round() {
  const std::shared_ptr<const PolicySet> policies = options_.policies();
  const int64_t now_us = options_.store_now_us();
  // One that fails does not keep the others from their work.
  absl::Status status = ReadFeedback();
  status.Update(WatchUsage(*policies, now_us));
  // Whoever has the lease now ends them.
  if (leading_ && now_us >= ends_at_us_) {
    const absl::Status ended = EndAlerts(*policies, now_us);
    if (ended.ok()) ends_at_us_ = now_us + options_.ends_every_us;
    status.Update(ended);
  }
  return status;
}

absl::Status AlertWatch::WatchUsage(const PolicySet& policies, int64_t now_us) {
  const auto go_on = [this] { return LeadStill(); };
  while (true) {
    const UsageWatch::Progress progress = usage_.Round(policies, now_us, go_on);
    if (!progress.more || !LeadStill()) return progress.status;
  }
}

absl::Status AlertWatch::EndAlerts(const PolicySet& policies, int64_t now_us) {
  ends_.Begin(policies, now_us);
  absl::Status status = End({AlertKind::kThreshold},
                            [&](const std::vector<Alert>& alerts) { return ends_.Of(alerts); });
  status.Update(End({AlertKind::kAnomaly, AlertKind::kRunaway},
                    [&](const std::vector<Alert>& alerts) -> absl::StatusOr<std::vector<Signal>> {
                      return usage_.Ends(policies, alerts, now_us);
                    }));
  return status;
}

absl::Status AlertWatch::End(std::vector<AlertKind> kinds, EndsOf ends_of) {
  AlertFilter open;
  open.states = {AlertState::kFiring, AlertState::kAcknowledged, AlertState::kSilenced};
  open.kinds = std::move(kinds);
  int64_t before = 0;
  while (LeadStill()) {
    QP_ASSIGN_OR_RETURN(const std::vector<Alert> alerts,
                        alerts_->List(*database_, open, before, kAtOnce));
    if (alerts.empty()) break;
    before = alerts.back().number;
    QP_ASSIGN_OR_RETURN(const std::vector<Signal> ends, ends_of(alerts));
    for (size_t i = 0; i < ends.size(); i += kMaxSignalsAtOnce) {
      const size_t count = std::min(kMaxSignalsAtOnce, ends.size() - i);
      QP_RETURN_IF_ERROR(options_.record(absl::MakeConstSpan(ends).subspan(i, count)));
    }
    if (alerts.size() < kAtOnce) break;
  }
  return absl::OkStatus();
}

absl::Status AlertWatch::ReadFeedback() {
  while (true) {
    QP_ASSIGN_OR_RETURN(const auto said, alerts_->FeedbackSince(*database_, said_, kAtOnce));
    for (const auto& [sequence, alert] : said) {
      usage_.Say(sequence, alert);
      said_ = sequence;
    }
    if (said.size() < kAtOnce) return absl::OkStatus();
  }
}

}  // namespace quotaplane
