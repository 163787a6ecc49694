// One entry of a policy's `alerts`, from YAML. A part of policy_reader.
#pragma once

#include "libs/config/yaml_reader.h"
#include "libs/policy/alert_rule.h"

namespace quotaplane {

// Files a problem with the document for whatever it cannot read, and returns a rule that is then
// fit for nothing but finding more problems. In messages the rule goes by its id from here on:
// "policy.yaml:12: alerts[night-freeze].action.for: …".
AlertRule ReadAlertRule(const YamlNode& node);

}  // namespace quotaplane
