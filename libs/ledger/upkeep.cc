#include "libs/ledger/upkeep.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

constexpr int kOrgsAtOnce = 100;
constexpr char kActor[] = "quotaplane";

}  // namespace

Upkeep::Upkeep(sql::Database* database, CounterStore* store, UpkeepOptions options)
    : moves_(database, store),
      retention_(database),
      options_(std::move(options)),
      thread_([this] { Run(); }) {}

Upkeep::~Upkeep() {
  stop_.Notify();
  thread_.join();
}

Upkeep::Stats Upkeep::stats() const { return {applied_, pending_, retentions_, failures_}; }

void Upkeep::Run() {
  absl::Time retention_at = absl::InfinitePast();
  while (!stop_.HasBeenNotified()) {
    Note("corrections wait for the live counters", ApplyMoves());
    if (absl::Now() >= retention_at) {
      Note("retention has to wait", RunRetention());
      retention_at = absl::Now() + options_.retention_every;
    }
    stop_.WaitForNotificationWithTimeout(options_.moves_every);
  }
}

absl::Status Upkeep::ApplyMoves() {
  const std::shared_ptr<const PolicySet> policies = options_.policies();
  absl::Status first;
  std::string last;
  for (;;) {
    QP_ASSIGN_OR_RETURN(const std::vector<std::string> orgs, moves_.Orgs(last, kOrgsAtOnce));
    for (const std::string& org : orgs) {
      if (stop_.HasBeenNotified()) return first;
      // One org's trouble is not another's.
      const absl::StatusOr<int64_t> applied = moves_.Apply(org, *policies->For(org).policy);
      if (applied.ok()) {
        applied_ += *applied;
      } else if (first.ok()) {
        first = applied.status();
      }
      last = org;
    }
    if (orgs.size() < static_cast<size_t>(kOrgsAtOnce)) break;
  }
  QP_ASSIGN_OR_RETURN(pending_, moves_.Count());
  return first;
}

absl::Status Upkeep::RunRetention() {
  const RetentionAges ages = options_.policies()->default_policy().document().retention;
  QP_ASSIGN_OR_RETURN(const Dropped dropped, retention_.Run(ages, options_.now_us(), kActor));
  ++retentions_;
  if (dropped.anything()) {
    LogInfo(
        "retention dropped {} months and {} rows of entries, {} of refusals, {} and {} of sums "
        "by hour and by day, {} keys",
        dropped.months, dropped.entries, dropped.refusals, dropped.hours, dropped.days,
        dropped.keys);
  }
  return absl::OkStatus();
}

void Upkeep::Note(const char* what, const absl::Status& status) {
  if (status.ok()) return;
  ++failures_;
  std::string error = absl::StrCat(what, ": ", status.ToString());
  // Once, not every few seconds.
  if (error != last_error_) LogError("{}", error);
  last_error_ = std::move(error);
}

}  // namespace quotaplane
