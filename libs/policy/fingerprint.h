// The digest of what a policy means.
#pragma once

#include <string>

#include "libs/policy/policy.h"

namespace quotaplane {

// 16 hexadecimal digits, equal for equal policies: neither sources, nor the order of overrides and
// globs matter. The order of limits and rules does, since decisions list them in it. Requires a
// document in its normal form.
std::string Fingerprint(const PolicyDocument& document);

}  // namespace quotaplane
