// What differs between two policies, one change at a time, in the words of their documents.
//
// Limits, model rules and alert rules are known by their ids, overrides by what they match; tier
// rules and cost center rules, which have no names, by their places. What only looks different (the
// order of globs, of overrides) does not differ: no changes are listed exactly where the
// fingerprints agree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/policy/policy.h"

namespace quotaplane {

struct PolicyChange {
  enum class Kind { kAdded, kRemoved, kChanged };
  Kind kind = Kind::kChanged;
  // "limits[user-month].amount", "limits[user-month].overrides[{user=alice}]", "models[interns]",
  // "tiers[0]", "unpriced_models"; "limits", "models" and "alerts" where their order differs. A
  // policy without `alerts` has the default rules.
  std::string path;
  // As a document writes it (libs/policy/policy_text.h), defaults written out; empty where there is
  // none. A limit that is added or removed is told without its overrides.
  std::string before;
  std::string after;
  // Counts over a counter that `from` does not have, at least for some limit: what was counted so
  // far is filled in from the ledger.
  bool counts_anew = false;

  friend bool operator==(const PolicyChange&, const PolicyChange&) = default;
};

// The changes that make `to` of `from`, in the order of documents: what is of the whole document,
// tiers, models, cost centers, limits, alerts. Both are in normal form (Policy::document()). At
// most `most` are listed; how many more there are is added to `*unlisted`. The overrides of a limit
// that is added are listed each, those of one that is removed are not. Two documents of 100,000
// overrides take well under 100 ms.
std::vector<PolicyChange> DiffPolicies(const PolicyDocument& from, const PolicyDocument& to,
                                       size_t most, int64_t* unlisted);

}  // namespace quotaplane
