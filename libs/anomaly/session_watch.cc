#include "libs/anomaly/session_watch.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace quotaplane::anomaly {
namespace {

constexpr double kBinsPerDoubling = 5;
// Costs are binned from a micro-USD on, calls from a thousandth.
constexpr double kCostUnit = 1000, kCallUnit = 0.001;
// A kind remembers about this many quarter hours.
constexpr double kMemory = 50'000;
// A quarter of an hour far out counts as one that is this much above the percentile at most: a
// runaway must not make its own kind.
constexpr double kMostLearnt = 1.5;

}  // namespace

int SessionWatch::BinOf(double value) {
  return std::clamp(static_cast<int>(kBinsPerDoubling * std::log2(std::max(value, 1.0))), 0,
                    kBins - 1);
}

double SessionWatch::ValueAt(int bin) { return std::exp2((bin + 1) / kBinsPerDoubling); }

double SessionWatch::Percentile(const std::array<float, kBins>& bins, double known) {
  double above = (1 - kPercentile) * known;
  for (int bin = kBins - 1; bin > 0; --bin) {
    above -= bins[bin];
    if (above < 0) return ValueAt(bin);
  }
  return ValueAt(0);
}

const SessionWatch::Kind* SessionWatch::KindOf(const Session& session) const {
  for (const std::string& model : {session.model, std::string()}) {
    const auto found = kinds_.find({session.org, model});
    if (found != kinds_.end() && found->second.known >= kLeastKnown) return &found->second;
  }
  return nullptr;
}

void SessionWatch::LearnInto(const std::string& org, const std::string& model, double cost,
                             double calls) {
  const Key key(org, model);
  auto at = kinds_.find(key);
  if (at == kinds_.end()) {
    if (kinds_.size() >= kMaxKinds) return;
    at = kinds_.try_emplace(key).first;
  }
  Kind& kind = at->second;
  if (kind.known >= kLeastKnown) {
    cost = std::min(cost, kMostLearnt * Percentile(kind.cost, kind.known));
    calls = std::min(calls, kMostLearnt * Percentile(kind.calls, kind.known));
  }
  if (kind.known >= kMemory) {
    for (auto* bins : {&kind.cost, &kind.calls}) {
      for (float& bin : *bins) bin *= 0.5F;
    }
    kind.known *= 0.5;
  }
  kind.cost[BinOf(cost)] += 1;
  kind.calls[BinOf(calls)] += 1;
  kind.known += 1;
}

void SessionWatch::MoveTo(Session& session, int64_t minute) {
  const int64_t steps = std::min<int64_t>(minute - session.at, kMinutes);
  for (int64_t i = 1; i <= steps; ++i) {
    const int64_t at = (minute - steps + i) % kMinutes;
    session.cost[at] = 0;
    session.calls[at] = 0;
  }
  session.at = minute;
}

std::vector<SessionWatch::Runaway> SessionWatch::Add(int64_t minute,
                                                     std::span<const UsageRow> rows) {
  for (const UsageRow& row : rows) {
    if (row.session.empty()) continue;
    const auto [at, is_new] =
        sessions_.try_emplace({std::string(row.org), std::string(row.session)});
    Session& session = at->second;
    if (is_new) {
      session = {.org = std::string(row.org), .since = minute, .at = minute};
    }
    session.model = std::string(row.model);
    session.user = std::string(row.user);
    session.last_minute = minute;
    MoveTo(session, minute);
    session.cost[minute % kMinutes] += row.cost_nano_usd;
    session.calls[minute % kMinutes] += row.requests;
  }

  std::vector<Runaway> told;
  std::vector<std::pair<int64_t, Key>> idle;
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    Session& session = at->second;
    MoveTo(session, minute);
    const int64_t cost = std::accumulate(session.cost.begin(), session.cost.end(), int64_t{0});
    const int64_t calls = std::accumulate(session.calls.begin(), session.calls.end(), int64_t{0});
    const Kind* kind = KindOf(session);
    bool far = false;
    if (kind != nullptr && cost >= floor_nano_usd_) {
      const double usual_cost = Percentile(kind->cost, kind->known) * kCostUnit;
      const double usual_calls = Percentile(kind->calls, kind->known) * kCallUnit;
      const bool by_cost = static_cast<double>(cost) > kTimes * usual_cost;
      far = by_cost || static_cast<double>(calls) > kTimes * usual_calls;
      if (far && !session.told) {
        session.told = true;
        told.push_back({.org = session.org,
                        .session = at->first.second,
                        .user = session.user,
                        .metric = by_cost ? Metric::kCost : Metric::kRequests,
                        .usual = std::llround(by_cost ? usual_cost : usual_calls),
                        .actual = by_cost ? cost : calls,
                        .cost_nano_usd = cost,
                        .over = false});
      }
    }
    if (far) session.calm_since = minute;
    const bool silent = minute - session.last_minute > kMinutes;
    if (session.told && minute - session.calm_since > kMinutes) {
      session.told = false;
      told.push_back({.org = session.org,
                      .session = at->first.second,
                      .user = session.user,
                      .metric = Metric::kCost,
                      .cost_nano_usd = cost,
                      .over = true});
    }
    if ((minute - session.since) % kMinutes == kMinutes - 1 && calls > 0) {
      const double cost_units = static_cast<double>(cost) / kCostUnit;
      const double call_units = static_cast<double>(calls) / kCallUnit;
      LearnInto(session.org, session.model, cost_units, call_units);
      if (!session.model.empty()) LearnInto(session.org, "", cost_units, call_units);
    }
    if (silent && !session.told) {
      at = sessions_.erase(at);
      continue;
    }
    if (!session.told) idle.emplace_back(session.last_minute, at->first);
    ++at;
  }
  if (sessions_.size() > max_sessions_) {
    std::sort(idle.begin(), idle.end());
    for (const auto& [last, key] : idle) {
      if (sessions_.size() <= max_sessions_) break;
      sessions_.erase(key);
      ++evicted_;
    }
  }
  return told;
}

}  // namespace quotaplane::anomaly
