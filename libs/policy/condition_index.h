// Of many `when` lists, the few that a subject can match.
//
// Policies grow by repetition: one limit or rule per team, each with `when: {team: NAME}`. Every
// list is filed under the values of one of its conditions that has only literals (the one whose
// values are shared with the fewest other lists); a lookup hashes the subject's value of each
// dimension in use. Lists without such a condition are always candidates.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "libs/policy/policy.h"

namespace quotaplane {

class ConditionIndex {
 public:
  using Candidates = absl::InlinedVector<uint32_t, 64>;

  // `lists` are only read while building.
  explicit ConditionIndex(const std::vector<const std::vector<Condition>*>& lists);

  // The positions of every list that matches and of few others, ascending. Thread-safe.
  Candidates Find(const Subject& subject, std::string_view model) const;

 private:
  // Positions of lists by a dimension's value.
  using ByValue = absl::flat_hash_map<std::string, std::vector<uint32_t>>;
  // A lookup goes through the subject's dimensions, which are few, not through those that the
  // policy names.
  struct Columns {
    std::array<ByValue, static_cast<size_t>(DimensionKind::kLabel)> named;
    absl::flat_hash_map<std::string, ByValue> labels;

    ByValue& Of(const Dimension& dimension);
  };

  std::vector<uint32_t> always_;
  Columns columns_;
};

}  // namespace quotaplane
