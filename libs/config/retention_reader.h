// A policy's `retention`, from YAML. A part of policy_reader.
#pragma once

#include "libs/config/yaml_reader.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// Files a problem with the document for whatever it cannot read.
RetentionAges ReadRetention(const YamlNode& node);

}  // namespace quotaplane
