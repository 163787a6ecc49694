#include "libs/anomaly/recent_usage.h"

#include <algorithm>
#include <map>
#include <utility>

namespace quotaplane::anomaly {

std::string_view NameOf(const UsageRow& row, ScopeKind kind) {
  switch (kind) {
    case ScopeKind::kOrg:
      return row.org;
    case ScopeKind::kTeam:
      return row.team;
    case ScopeKind::kProject:
      return row.project;
    case ScopeKind::kUser:
      return row.user;
    case ScopeKind::kModel:
      return row.model;
    case ScopeKind::kSession:
      return row.session;
  }
  return {};
}

int64_t ValueOf(const UsageRow& row, Metric metric) {
  switch (metric) {
    case Metric::kCost:
      return row.cost_nano_usd;
    case Metric::kTokens:
      return row.tokens;
    case Metric::kRequests:
      return row.requests;
    case Metric::kRefusals:
      return row.refusals;
  }
  return 0;
}

uint32_t RecentUsage::IdOf(std::string_view name) {
  const auto [at, is_new] = ids_.try_emplace(std::string(name), names_.size());
  if (is_new) names_.emplace_back(name);
  return at->second;
}

void RecentUsage::Add(std::span<const UsageRow> rows) {
  if (names_.size() > kMaxNames) {
    // Sessions come and go: start over, rather than count who still needs which name.
    *this = RecentUsage();
  }
  std::vector<Row> minute;
  minute.reserve(rows.size());
  for (const UsageRow& row : rows) {
    Row stored;
    for (int kind = 0; kind < kScopeKinds; ++kind) {
      stored.names[kind] = IdOf(NameOf(row, static_cast<ScopeKind>(kind)));
    }
    for (int metric = 0; metric < kMetrics; ++metric) {
      stored.values[metric] = ValueOf(row, static_cast<Metric>(metric));
    }
    minute.push_back(stored);
  }
  rows_ += minute.size();
  minutes_.push_back(std::move(minute));
  while (minutes_.size() > kMinutes || (rows_ > kMaxRows && minutes_.size() > 1)) {
    rows_ -= minutes_.front().size();
    minutes_.pop_front();
  }
}

std::vector<Contributor> RecentUsage::Within(std::string_view org, ScopeKind kind,
                                             std::string_view value, Metric metric,
                                             size_t minutes) const {
  const auto org_id = ids_.find(std::string(org));
  const auto value_id = ids_.find(std::string(value));
  if (org_id == ids_.end() || value_id == ids_.end()) return {};
  std::map<std::pair<ScopeKind, uint32_t>, int64_t> sums;
  const size_t first = minutes_.size() - std::min(minutes, minutes_.size());
  for (size_t i = first; i < minutes_.size(); ++i) {
    for (const Row& row : minutes_[i]) {
      if (row.names[static_cast<int>(ScopeKind::kOrg)] != org_id->second ||
          row.names[static_cast<int>(kind)] != value_id->second) {
        continue;
      }
      for (const ScopeKind by : {ScopeKind::kUser, ScopeKind::kModel, ScopeKind::kSession}) {
        const uint32_t name = row.names[static_cast<int>(by)];
        if (by == kind || names_[name].empty()) continue;
        sums[{by, name}] += row.values[static_cast<int>(metric)];
      }
    }
  }
  std::vector<Contributor> found;
  found.reserve(sums.size());
  for (const auto& [who, sum] : sums) {
    if (sum != 0)
      found.push_back({.dimension = who.first, .value = names_[who.second], .actual = sum});
  }
  return found;
}

}  // namespace quotaplane::anomaly
