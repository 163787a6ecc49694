// Whose cost it is: the rules that map a subject to a cost center.
//
// The first rule that matches and gives a name decides. A rule names the cost center, or takes the
// subject's own value of a dimension; one that takes a value the subject lacks is passed over. A
// subject that no rule maps has none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/policy/condition_index.h"
#include "libs/policy/policy.h"
#include "libs/policy/problems.h"

namespace quotaplane {

class CostCenterRules {
 public:
  // `rules` are only read while building, but for the strings that CostCenterOf returns: they must
  // outlive it, unmoved.
  explicit CostCenterRules(const std::vector<CostCenterRule>& rules);

  // Empty where no rule maps the subject. A view into the rules or the subject. Thread-safe.
  std::string_view CostCenterOf(const Subject& subject) const;

 private:
  const std::vector<CostCenterRule>& rules_;
  ConditionIndex index_;
};

// Files what is wrong with the rules: dimensions that are no part of whose cost it is, a rule with
// neither or both of a name and a dimension, bad names and globs, too many, and rules that nothing
// can reach since an earlier one takes all that they match. Requires `when` in normal form.
void CheckCostCenters(const std::vector<CostCenterRule>& rules, Problems* problems);

}  // namespace quotaplane
