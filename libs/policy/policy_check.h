// What must hold of a document beyond its types, and its normal form.
#pragma once

#include "libs/policy/policy.h"
#include "libs/policy/problems.h"

namespace quotaplane {

// Sorts `per`, `when` and what overrides match, and drops org and repetitions from `per`.
void Normalize(PolicyDocument* document);

// Files every problem but ties of overrides, which OverrideIndex finds. Requires a normal form.
// Where a limit's overrides are found fit to be indexed, `indexable[i]` is true.
void CheckDocument(const PolicyDocument& document, Problems* problems,
                   std::vector<bool>* indexable);

}  // namespace quotaplane
