#include "libs/policy/condition_index.h"

#include <algorithm>

#include "libs/base/absl_view.h"

namespace quotaplane {
namespace {

bool AllLiteral(const Condition& condition) {
  return std::all_of(condition.any_of.begin(), condition.any_of.end(),
                     [](const Glob& glob) { return glob.literal(); });
}

}  // namespace

ConditionIndex::ByValue& ConditionIndex::Columns::Of(const Dimension& dimension) {
  if (dimension.kind == DimensionKind::kLabel) return labels[dimension.label];
  return named[static_cast<size_t>(dimension.kind)];
}

ConditionIndex::ConditionIndex(const std::vector<const std::vector<Condition>*>& lists) {
  // First under every literal condition, to see how many lists share each value.
  Columns all;
  for (uint32_t i = 0; i < lists.size(); ++i) {
    for (const Condition& condition : *lists[i]) {
      if (!AllLiteral(condition)) continue;
      for (const Glob& glob : condition.any_of)
        all.Of(condition.dimension)[glob.pattern()].push_back(i);
    }
  }
  // Then only under the best one.
  for (uint32_t i = 0; i < lists.size(); ++i) {
    const Condition* best = nullptr;
    size_t best_shared = 0;
    for (const Condition& condition : *lists[i]) {
      if (!AllLiteral(condition)) continue;
      size_t shared = 0;
      for (const Glob& glob : condition.any_of) {
        shared = std::max(shared, all.Of(condition.dimension)[glob.pattern()].size());
      }
      if (best == nullptr || shared < best_shared) {
        best = &condition;
        best_shared = shared;
      }
    }
    if (best == nullptr) {
      always_.push_back(i);
      continue;
    }
    for (const Glob& glob : best->any_of) {
      std::vector<uint32_t>& filed = columns_.Of(best->dimension)[glob.pattern()];
      if (filed.empty() || filed.back() != i) filed.push_back(i);
    }
  }
}

ConditionIndex::Candidates ConditionIndex::Find(const Subject& subject,
                                                std::string_view model) const {
  Candidates found(always_.begin(), always_.end());
  int sources = found.empty() ? 0 : 1;
  const auto add = [&](const ByValue& by_value, std::string_view value) {
    if (by_value.empty() || value.empty()) return;
    const auto filed = by_value.find(AbslView(value));
    if (filed == by_value.end()) return;
    found.insert(found.end(), filed->second.begin(), filed->second.end());
    ++sources;
  };
  for (size_t i = 0; i < columns_.named.size(); ++i) {
    const Dimension dimension{static_cast<DimensionKind>(i), ""};
    add(columns_.named[i], dimension.ValueIn(subject, model));
  }
  if (!columns_.labels.empty()) {
    for (const auto& [label, value] : subject.labels) {
      const auto column = columns_.labels.find(label);
      if (column != columns_.labels.end()) add(column->second, value);
    }
  }
  // Each source is ascending by itself.
  if (sources > 1) std::sort(found.begin(), found.end());
  return found;
}

}  // namespace quotaplane
