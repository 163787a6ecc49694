#include "tools/loadgen/tally.h"

#include <algorithm>
#include <cmath>

namespace quotaplane::loadgen {

void Latencies::Merge(const Latencies& other) {
  latencies_.insert(latencies_.end(), other.latencies_.begin(), other.latencies_.end());
}

absl::Duration Latencies::Percentile(double share) const {
  if (latencies_.empty()) return absl::ZeroDuration();
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(latencies_.size())));
  std::vector<absl::Duration> sorted = latencies_;
  const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(std::max<size_t>(rank, 1) - 1);
  std::nth_element(sorted.begin(), nth, sorted.end());
  return *nth;
}

void LargestSum::Add(int64_t value) {
  largest_.insert(value);
  sum_ += value;
  if (largest_.size() <= count_) return;
  sum_ -= *largest_.begin();
  largest_.erase(largest_.begin());
}

const char* EffectWord(Effect effect) {
  switch (effect) {
    case Effect::kRefused:
      return "refused";
    case Effect::kDowngraded:
      return "downgraded";
    case Effect::kNoticed:
      return "noticed";
  }
  return "";
}

void Tally::Merge(const Tally& other) {
  requests += other.requests;
  allowed += other.allowed;
  allowed_soft += other.allowed_soft;
  downgraded += other.downgraded;
  refused += other.refused;
  committed += other.committed;
  released += other.released;
  extended += other.extended;
  cut += other.cut;
  retries += other.retries;
  overruns += other.overruns;
  spooled += other.spooled;
  unheld += other.unheld;
  outage += other.outage;
  failed += other.failed;
  spent_nano_usd += other.spent_nano_usd;
  for (const auto& [limit, count] : other.by_limit) by_limit[limit] += count;
  for (const auto& [team, tally] : other.by_team) {
    TeamTally& mine = by_team[team];
    mine.requests += tally.requests;
    mine.refused += tally.refused;
    mine.spent_nano_usd += tally.spent_nano_usd;
    mine.excusable_nano_usd += tally.excusable_nano_usd;
  }
  reserve.Merge(other.reserve);
  commit.Merge(other.commit);
}

}  // namespace quotaplane::loadgen
