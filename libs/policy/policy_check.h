// What must hold of a document beyond its types, and its normal form.
#pragma once

#include <string_view>

#include "libs/policy/policy.h"
#include "libs/policy/problems.h"

namespace quotaplane {

// Of limits, model rules, tiers and alert rules.
inline constexpr size_t kMaxPolicyIdBytes = 63;
inline constexpr char kPolicyIdForm[] =
    "must begin with a-z or 0-9 and have at most 63 of a-z, 0-9, `.`, `_` and `-`";
bool IsPolicyId(std::string_view id);

// Sorts `per`, `when` and what overrides match, and drops org and repetitions from `per`; of alert
// rules also signals and receivers, and their `per` keeps the org.
void Normalize(PolicyDocument* document);

// Files every problem but ties of overrides, which OverrideIndex finds. Requires a normal form.
// Where a limit's overrides are found fit to be indexed, `indexable[i]` is true.
void CheckDocument(const PolicyDocument& document, Problems* problems,
                   std::vector<bool>* indexable);

}  // namespace quotaplane
