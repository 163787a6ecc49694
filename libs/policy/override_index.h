// The overrides of one limit: which one sets the amount of a scope.
//
// Overrides are grouped by the set of dimensions they name, and each group is a hash table over
// their values. A lookup asks the groups, those with the most dimensions first: its cost depends on
// the number of groups (mostly one or two), not of overrides. With 100,000 overrides a lookup is
// bound by cache misses, so an entry refers to its values in one run of bytes; the strings of the
// document are not touched.
//
// Two groups of equal rank must not both match a scope. That is so exactly if no two of their
// overrides agree on the dimensions that the groups share; a hash join over those finds every
// offender without comparing all pairs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "libs/policy/policy.h"
#include "libs/policy/problems.h"

namespace quotaplane {

class OverrideIndex {
 public:
  // Indexes `limit.overrides`; files ties with `problems`. Every override names dimensions of `per`
  // or org, each once and sorted.
  OverrideIndex(const Limit& limit, Problems* problems);

  // The amount of the most specific override that matches. Thread-safe.
  std::optional<int64_t> Find(const Subject& subject, std::string_view model) const;

 private:
  // Found by its values, which lie in arena_.
  struct Entry {
    std::string_view values;
    uint32_t override_index;
    int64_t amount;
  };
  struct EntryHash {
    using is_transparent = void;
    size_t operator()(std::string_view values) const;
    size_t operator()(const Entry& entry) const { return (*this)(entry.values); }
  };
  struct EntryEq {
    using is_transparent = void;
    bool operator()(const Entry& a, const Entry& b) const { return a.values == b.values; }
    bool operator()(const Entry& a, std::string_view b) const { return a.values == b; }
  };
  struct Group {
    std::vector<Dimension> dimensions;  // sorted
    absl::flat_hash_set<Entry, EntryHash, EntryEq> entries;
  };

  void Insert(const Limit& limit, uint32_t override_index, Problems* problems);
  // Files the overrides of two groups of equal rank that could match the same scope.
  static void CheckTies(const Limit& limit, const Group& a, const Group& b, Problems* problems);
  std::string_view Keep(std::string_view values);

  std::vector<Group> groups_;  // most dimensions first
  // Grows by whole blocks, so that what lies in it stays where it is.
  std::vector<std::unique_ptr<char[]>> arena_;
  size_t arena_left_ = 0;
};

}  // namespace quotaplane
