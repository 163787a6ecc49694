#include "libs/alert_sources/condition_tracker.h"

#include <set>

namespace quotaplane {
namespace {

// What it said of itself when it was told. An empty name: it cannot be said any more.
OperationsCondition ConditionOf(const Signal& told) {
  OperationsCondition condition;
  for (const auto& [name, value] : told.dimensions) {
    if (name == "condition") condition.name = value;
    if (name == "replica") condition.where = value;
  }
  condition.severity = told.severity;
  condition.summary = told.summary;
  condition.count = told.actual;
  // One whose place was too long to be kept whole has another key: nothing here would end it.
  if (ConditionBegins(condition, told.at_us).key != told.key) return {};
  return condition;
}

}  // namespace

std::vector<Signal> ConditionTracker::Look(absl::Span<const OperationsCondition> present,
                                           int64_t now_us) {
  std::set<Name> there;
  for (const OperationsCondition& condition : present) {
    const Name name = {condition.name, condition.where};
    if (IsThere(condition, now_us)) {
      there.insert(name);
      Note(condition, now_us);
    } else if (const auto known = known_.find(name); known != known_.end()) {
      known->second.condition = condition;  // as it is told last
    }
  }
  std::vector<Signal> signals;
  for (auto it = known_.begin(); it != known_.end();) {
    Known& known = it->second;
    if (there.count(it->first) == 0 && known.gone_since_us == 0) known.gone_since_us = now_us;
    const bool gone = known.gone_since_us != 0;
    if (gone && !known.told) {
      it = known_.erase(it);
      continue;
    }
    known.telling = !gone && !known.told && now_us - known.since_us >= times_.begin_after_us;
    known.ending = gone && now_us - known.gone_since_us >= times_.end_after_us;
    if (known.telling) signals.push_back(ConditionBegins(known.condition, known.since_us));
    if (known.ending) {
      // What it came to in the end, which is what Remember goes by.
      if (known.condition.count.value_or(0) > known.told_count) {
        signals.push_back(ConditionBegins(known.condition, now_us));
      }
      signals.push_back(ConditionEnds(known.condition, known.since_us, now_us));
    }
    ++it;
  }
  return signals;
}

bool ConditionTracker::IsThere(const OperationsCondition& condition, int64_t now_us) {
  if (!condition.count.has_value()) return true;
  Counted& counted = counted_[{condition.name, condition.where}];
  if (*condition.count > counted.count) counted.rose_at_us = now_us;
  counted.count = *condition.count;
  return counted.rose_at_us != 0 && now_us - counted.rose_at_us < times_.quiet_after_us;
}

void ConditionTracker::Note(const OperationsCondition& condition, int64_t now_us) {
  Known& known = known_[{condition.name, condition.where}];
  if (known.since_us == 0) known.since_us = now_us;
  const bool worse = condition.severity > known.condition.severity;
  const bool again = condition.of_process && now_us - known.since_us >= times_.again_after_us;
  if (known.told && (worse || again)) {
    known.told = false;
    known.since_us = now_us - times_.begin_after_us;
  }
  known.condition = condition;
  known.gone_since_us = 0;
}

void ConditionTracker::Adopt(const Signal& told) {
  OperationsCondition condition = ConditionOf(told);
  if (condition.name.empty()) return;
  const Name name = {condition.name, condition.where};
  Known& known = known_[name];
  if (known.told) return;
  if (condition.count.has_value()) counted_[name] = {*condition.count, told.at_us};
  known.told_count = condition.count.value_or(0);
  known.condition = std::move(condition);
  known.since_us = told.at_us;
  known.told = true;
}

void ConditionTracker::Remember(const Signal& told) {
  const OperationsCondition condition = ConditionOf(told);
  if (!condition.count.has_value()) return;
  counted_.try_emplace({condition.name, condition.where}, Counted{*condition.count, 0});
}

void ConditionTracker::Told() {
  for (auto it = known_.begin(); it != known_.end();) {
    Known& known = it->second;
    if (known.telling) {
      known.told = true;
      known.told_count = known.condition.count.value_or(0);
    }
    it = known.ending ? known_.erase(it) : std::next(it);
  }
}

}  // namespace quotaplane
