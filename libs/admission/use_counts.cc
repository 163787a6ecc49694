#include "libs/admission/use_counts.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/hash/hash.h"

namespace quotaplane {
namespace {

constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;

void AddTo(int64_t* sum, int64_t more) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  *sum = *sum > kMost - more ? kMost : *sum + more;
}

}  // namespace

template <typename Count>
bool UseCounts::TryAt(const Names& names, bool always, Count& count) {
  Shard& shard = shards_[(absl::HashOf(names) >> 32) % kShards];
  const MutexLock lock(shard.mutex);
  auto found = shard.uses.find(names);
  if (found == shard.uses.end()) {
    if (!always) {
      if (sets_.fetch_add(1, std::memory_order_relaxed) >= most_sets()) {
        sets_.fetch_sub(1, std::memory_order_relaxed);
        return false;
      }
    }
    auto use = std::make_unique<Use>();
    use->org = names.org;
    use->team = names.team;
    use->project = names.project;
    use->model = names.model;
    const Names own = {use->org, use->team, use->project, use->model};
    found = shard.uses.emplace(own, std::move(use)).first;
  }
  count(*found->second);
  return true;
}

template <typename Count>
void UseCounts::At(const Names& names, Count count) {
  if (TryAt(names, false, count)) return;
  overflowed_.fetch_add(1, std::memory_order_relaxed);
  TryAt({kOverflow, kOverflow, kOverflow, kOverflow}, true, count);
}

void UseCounts::CountDecision(const Subject& subject, Decision decision, bool away,
                              int64_t now_us) {
  const auto index = static_cast<size_t>(decision);
  if (away) decided_away_[index].fetch_add(1, std::memory_order_relaxed);
  At({subject.org, subject.team, subject.project, subject.model}, [&](Use& use) {
    ++use.decided[index];
    use.last_us = std::max(use.last_us, now_us);
  });
}

void UseCounts::CountCharge(const ChargeRecord& record, int64_t now_us) {
  const Subject& subject = record.subject;
  if (record.recorded) {
    At({subject.org, subject.team, subject.project, subject.model}, [&](Use& use) {
      ++use.recorded;
      use.last_us = std::max(use.last_us, now_us);
    });
  }
  // Lines of one attempt are of one model.
  for (size_t i = 0; i < record.lines.size();) {
    size_t end = i + 1;
    while (end < record.lines.size() && record.lines[end].model == record.lines[i].model) ++end;
    At({subject.org, subject.team, subject.project, record.lines[i].model}, [&](Use& use) {
      for (size_t at = i; at < end; ++at) {
        const ChargeLine& line = record.lines[at];
        AddTo(&use.cost_nano_usd, line.cost_nano_usd);
        const auto meter = std::find(kTokenMeters.begin(), kTokenMeters.end(), line.meter);
        if (meter == kTokenMeters.end()) continue;
        AddTo(&use.tokens[static_cast<size_t>(meter - kTokenMeters.begin())], line.quantity);
      }
    });
    i = end;
  }
  CountUser(subject, record.cost_nano_usd, now_us);
}

void UseCounts::CountUser(const Subject& subject, int64_t cost_nano_usd, int64_t now_us) {
  if (subject.user.empty() || cost_nano_usd <= 0) return;
  thread_local std::string name;
  name.assign(subject.org);
  name.push_back('\0');  // no value has one (CheckValue)
  name.append(subject.user);
  const MutexLock lock(users_mutex_);
  if (now_us / kDayUs > users_day_) {
    users_.Clear();
    users_day_ = now_us / kDayUs;
  }
  users_.Add(name, cost_nano_usd);
}

std::vector<UseCounts::Use> UseCounts::Read() const {
  std::vector<Use> all;
  all.reserve(static_cast<size_t>(sets()) + 1);
  for (Shard& shard : shards_) {
    const MutexLock lock(shard.mutex);
    for (const auto& [names, use] : shard.uses) all.push_back(*use);
  }
  return all;
}

std::array<int64_t, UseCounts::kDecisions> UseCounts::decided_away() const {
  std::array<int64_t, kDecisions> counts;
  for (size_t i = 0; i < kDecisions; ++i) {
    counts[i] = decided_away_[i].load(std::memory_order_relaxed);
  }
  return counts;
}

UseCounts::TopUsers UseCounts::ReadTopUsers(size_t count, int64_t now_us) const {
  const MutexLock lock(users_mutex_);
  if (now_us / kDayUs > users_day_) return {};
  return {users_.size(), users_.Top(count)};
}

}  // namespace quotaplane
