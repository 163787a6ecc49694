// Checks of lists of rules of which the first that matches decides: cost centers, tiers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/policy/policy.h"
#include "libs/policy/problems.h"

namespace quotaplane {

// Goes through the rules in their order.
class FirstMatchCheck {
 public:
  // What `when` may name. `kind` and `dimensions` are for messages: "cost center", "team, project
  // and labels.NAME".
  struct Shape {
    std::string_view kind;
    std::string_view dimensions;
    bool (*takes)(const Dimension& dimension);
  };
  FirstMatchCheck(const Shape& shape, Problems* problems) : shape_(shape), problems_(*problems) {}

  // Files what is wrong with a rule's conditions, and that nothing can reach it since an earlier
  // rule takes all that it matches. Found are a rule behind one that takes everything, and one
  // whose `when` an earlier rule has too: what globs overlap otherwise is for the author to know.
  // `when` is in normal form, and outlives this. `passes_on`: what has to be there for the rule to
  // decide, once it matches; empty: nothing.
  void Check(const std::string& where, const std::vector<Condition>& when,
             std::string_view passes_on);

 private:
  struct Rule {
    std::string where;
    std::string passes_on;
  };
  void CheckCondition(const std::string& where, const Condition& condition);
  void CheckReachable(const std::string& where, const std::vector<Condition>& when,
                      std::string_view passes_on);

  Shape shape_;
  Problems& problems_;
  std::string catch_all_;  // where it is; empty: none so far
  absl::flat_hash_map<Digest, std::vector<Rule>> by_when_;
};

}  // namespace quotaplane
