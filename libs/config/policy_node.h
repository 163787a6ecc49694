// A policy as a part of a larger document.
#pragma once

#include <memory>

#include "libs/config/yaml_reader.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// What ParsePolicy reads, at `root` of `file`. Null: it has problems, which are filed with the
// file.
std::shared_ptr<const Policy> ReadPolicy(YamlDocument& file, const YamlNode& root);

}  // namespace quotaplane
