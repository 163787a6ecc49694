#include "services/ledger/spend_watch.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/orgs.h"
#include "libs/log/log.h"
#include "libs/reports/cost_center_spend.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kLook = absl::Seconds(1);
constexpr int kRest = 19;
constexpr double kNanos = 1e9;

}  // namespace

SpendWatch::SpendWatch(sql::Database* ledger, std::function<bool()> leading, absl::Duration every)
    : ledger_(ledger), leading_(std::move(leading)), thread_([this, every] { Run(every); }) {}

SpendWatch::~SpendWatch() {
  stop_.Notify();
  thread_.join();
}

void SpendWatch::Run(absl::Duration every) {
  absl::Time next = absl::InfinitePast();
  std::string last_error;
  while (!stop_.WaitForNotificationWithTimeout(std::min(kLook, every))) {
    if (!leading_()) {
      const MutexLock lock(mutex_);
      spend_.clear();
      read_at_ = absl::InfinitePast();
      next = absl::InfinitePast();
      continue;
    }
    const absl::Time begin = absl::Now();
    if (begin < next) continue;
    absl::StatusOr<std::vector<Spend>> read = Read();
    next = absl::Now() + std::max(every, kRest * (absl::Now() - begin));
    if (!read.ok()) {
      // What was known stays, and its age tells.
      if (read.status().ToString() != last_error) {
        LogError("spend by cost center: {}", read.status().ToString());
      }
      last_error = read.status().ToString();
      continue;
    }
    last_error.clear();
    const MutexLock lock(mutex_);
    left_out_ = read->size() - std::min(read->size(), kMostSeries);
    read->resize(read->size() - left_out_);
    spend_ = *std::move(read);
    read_at_ = begin;
  }
}

absl::StatusOr<std::vector<SpendWatch::Spend>> SpendWatch::Read() const {
  QP_ASSIGN_OR_RETURN(const std::vector<std::string> orgs, ListAllOrgs(*ledger_));
  std::vector<Spend> all;
  for (const std::string& org : orgs) {
    if (stop_.HasBeenNotified()) return absl::CancelledError("the process ends");
    QP_ASSIGN_OR_RETURN(
        const reports::CostCenterSpend spend,
        reports::ReadCostCenterSpend(*ledger_, org, absl::ToUnixMicros(absl::Now())));
    for (const auto& [center, nano_usd] : spend.open)
      all.push_back({org, center, "open", nano_usd});
    for (const auto& [center, nano_usd] : spend.closed) {
      all.push_back({org, center, "closed", nano_usd});
    }
  }
  std::sort(all.begin(), all.end(), [](const Spend& a, const Spend& b) {
    const auto key = [](const Spend& s) {
      return std::tuple(-s.nano_usd, std::string_view(s.org), std::string_view(s.cost_center),
                        std::string_view(s.month));
    };
    return key(a) < key(b);
  });
  return all;
}

std::vector<metrics::Family> SpendWatch::Collect(absl::Time now) const {
  const MutexLock lock(mutex_);
  if (read_at_ == absl::InfinitePast()) return {};
  metrics::Family spend = metrics::Gauges(
      "quotaplane_cost_center_spend_usd",
      "Spend of the month under way and of the last one closed, from the ledger's database.");
  for (const Spend& one : spend_) {
    spend.samples.push_back(
        {static_cast<double>(one.nano_usd) / kNanos,
         {{"org", one.org}, {"cost_center", one.cost_center}, {"month", one.month}}});
  }
  return {std::move(spend),
          metrics::Gauge("quotaplane_cost_center_spend_age_seconds", "Since that was read.",
                         std::max(0.0, absl::ToDoubleSeconds(now - read_at_))),
          metrics::Gauge("quotaplane_cost_center_spend_left_out",
                         "Series that were left out, since there are too many.",
                         static_cast<double>(left_out_))};
}

}  // namespace quotaplane
