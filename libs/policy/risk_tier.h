// Risk tiers: teams, projects and models that limits and model rules treat alike.
//
// A request is of one tier at most: the first rule that matches it decides. What a tier means is
// for the limits and model rules that name it to say.
#pragma once

#include <string_view>
#include <vector>

#include "libs/base/hash.h"
#include "libs/policy/condition_index.h"
#include "libs/policy/policy.h"
#include "libs/policy/problems.h"

namespace quotaplane {

class TierRules {
 public:
  // `rules` must outlive it, unmoved.
  explicit TierRules(const std::vector<TierRule>& rules);

  // Empty where no rule matches. A view into the rules. Thread-safe.
  std::string_view TierOf(const Subject& subject, std::string_view model) const;

 private:
  const std::vector<TierRule>& rules_;
  ConditionIndex index_;
};

// Files what is wrong with the rules (names, dimensions, globs, too many, rules that nothing can
// reach), and limits and model rules that name a tier which no rule gives. Requires a normal form.
void CheckTiers(const PolicyDocument& document, Problems* problems);

// Of what the rules say, in their order. Part of the counters of limits that have a tier, and so
// never to be made in another way.
Digest TiersDigest(const std::vector<TierRule>& rules);

}  // namespace quotaplane
