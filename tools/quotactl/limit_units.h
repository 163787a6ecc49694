// Which unit each limit of a policy counts in. An exception's amounts are in it, and do not say
// which it is.
#pragma once

#include <map>
#include <string>

namespace quotaplane::quotactl {

using LimitUnits = std::map<std::string, std::string>;  // by the limit's id

// Of a policy in YAML, as the server gives it; none where that cannot be read.
LimitUnits UnitsOf(const std::string& policy_yaml);

}  // namespace quotaplane::quotactl
