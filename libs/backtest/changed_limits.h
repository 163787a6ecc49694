// Which limits of a new policy may give somebody another amount than the one before.
#pragma once

#include <vector>

#include "libs/policy/policy.h"

namespace quotaplane {

// A limit of one id that counts the same thing in both: its amounts can be compared.
bool CountTheSame(const Limit& a, const Limit& b);

// By position in `after`. False only where the limit says the same as the one of its id in
// `before`, overrides included: a limit that only writes them otherwise is true.
std::vector<bool> ChangedLimits(const PolicyDocument& before, const PolicyDocument& after);

}  // namespace quotaplane
