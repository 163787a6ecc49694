#include "tools/quotactl/limit_units.h"

#include "libs/config/policy_reader.h"

namespace quotaplane::quotactl {

LimitUnits UnitsOf(const std::string& policy_yaml) {
  LimitUnits units;
  const auto policy = ParsePolicy(policy_yaml, "policy");
  if (!policy.ok()) return units;
  for (const Limit& limit : (*policy)->document().limits) units[limit.id] = limit.unit.ToString();
  return units;
}

}  // namespace quotaplane::quotactl
