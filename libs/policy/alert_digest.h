// What alert rules mean, as bytes to compare.
#pragma once

#include <vector>

#include "libs/base/hash.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// Of what the rules say, in their order. Requires a normal form.
Digest AlertRulesDigest(const std::vector<AlertRule>& rules);

// Whether the document's rules say what those of a policy without `alerts` do.
bool HasDefaultAlertRules(const PolicyDocument& document);

}  // namespace quotaplane
