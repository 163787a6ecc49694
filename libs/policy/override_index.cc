#include "libs/policy/override_index.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "libs/base/absl_view.h"
#include "libs/base/hash.h"

namespace quotaplane {
namespace {

constexpr size_t kArenaBlock = size_t{64} << 10;

void AddTie(const Limit& limit, uint32_t one, uint32_t other, Problems* problems) {
  const Override& earlier = limit.overrides[std::min(one, other)];
  const Override& later = limit.overrides[std::max(one, other)];
  problems->Add(later.source,
                absl::StrCat("ties with the override at ", earlier.source,
                             ": both name as many dimensions and could match the same request; "
                             "let one name more dimensions, or remove it"));
}

// The override's values of `dimensions`, which it all names.
std::string_view ValuesOf(const Override& entry, const std::vector<Dimension>& dimensions,
                          FieldBuffer* buffer) {
  buffer->Clear();
  for (const Dimension& dimension : dimensions) {
    const auto found = std::find_if(entry.match.begin(), entry.match.end(),
                                    [&](const auto& pair) { return pair.first == dimension; });
    buffer->Add(found->second);
  }
  return buffer->view();
}

}  // namespace

size_t OverrideIndex::EntryHash::operator()(std::string_view values) const {
  return absl::HashOf(AbslView(values));
}

OverrideIndex::OverrideIndex(const Limit& limit, Problems* problems) {
  for (uint32_t i = 0; i < limit.overrides.size(); ++i) Insert(limit, i, problems);
  std::stable_sort(groups_.begin(), groups_.end(), [](const Group& a, const Group& b) {
    return a.dimensions.size() > b.dimensions.size();
  });
  for (size_t i = 0; i < groups_.size(); ++i) {
    for (size_t j = i + 1; j < groups_.size(); ++j) {
      if (groups_[i].dimensions.size() != groups_[j].dimensions.size()) break;
      if (problems->full()) return;
      CheckTies(limit, groups_[i], groups_[j], problems);
    }
  }
}

void OverrideIndex::Insert(const Limit& limit, uint32_t override_index, Problems* problems) {
  const Override& entry = limit.overrides[override_index];
  auto group = std::find_if(groups_.begin(), groups_.end(), [&](const Group& g) {
    return std::equal(g.dimensions.begin(), g.dimensions.end(), entry.match.begin(),
                      entry.match.end(),
                      [](const Dimension& a, const auto& b) { return a == b.first; });
  });
  if (group == groups_.end()) {
    group = groups_.emplace(group);
    for (const auto& [dimension, value] : entry.match) group->dimensions.push_back(dimension);
  }
  FieldBuffer buffer;
  const std::string_view values = ValuesOf(entry, group->dimensions, &buffer);
  if (const auto found = group->entries.find(values); found != group->entries.end()) {
    return AddTie(limit, found->override_index, override_index, problems);
  }
  group->entries.insert({Keep(values), override_index, entry.amount});
}

std::string_view OverrideIndex::Keep(std::string_view values) {
  if (arena_left_ < values.size()) {
    arena_left_ = std::max(kArenaBlock, values.size());
    arena_.push_back(std::make_unique<char[]>(arena_left_));
  }
  // Filled from the end, so that what is left says where.
  arena_left_ -= values.size();
  char* place = arena_.back().get() + arena_left_;
  std::memcpy(place, values.data(), values.size());
  return {place, values.size()};
}

void OverrideIndex::CheckTies(const Limit& limit, const Group& a, const Group& b,
                              Problems* problems) {
  std::vector<Dimension> shared;
  std::set_intersection(a.dimensions.begin(), a.dimensions.end(), b.dimensions.begin(),
                        b.dimensions.end(), std::back_inserter(shared));
  FieldBuffer buffer;
  absl::flat_hash_map<std::string, uint32_t> of_a;  // the first override with these shared values
  of_a.reserve(a.entries.size());
  for (const Entry& entry : a.entries) {
    const std::string_view values =
        ValuesOf(limit.overrides[entry.override_index], shared, &buffer);
    uint32_t& first = of_a.try_emplace(AbslView(values), entry.override_index).first->second;
    first = std::min(first, entry.override_index);
  }
  std::vector<std::pair<uint32_t, uint32_t>> ties;
  for (const Entry& entry : b.entries) {
    const std::string_view values =
        ValuesOf(limit.overrides[entry.override_index], shared, &buffer);
    const auto found = of_a.find(AbslView(values));
    if (found != of_a.end()) ties.emplace_back(entry.override_index, found->second);
  }
  // Hash tables have no order of their own: the same document shall always give the same message.
  std::sort(ties.begin(), ties.end());
  for (const auto& [in_b, in_a] : ties) AddTie(limit, in_a, in_b, problems);
}

std::optional<int64_t> OverrideIndex::Find(const Subject& subject, std::string_view model) const {
  static thread_local FieldBuffer buffer;
  for (const Group& group : groups_) {
    buffer.Clear();
    for (const Dimension& dimension : group.dimensions)
      buffer.Add(dimension.ValueIn(subject, model));
    const auto found = group.entries.find(buffer.view());
    if (found != group.entries.end()) return found->amount;
  }
  return std::nullopt;
}

}  // namespace quotaplane
