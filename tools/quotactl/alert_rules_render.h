// A policy's alert rules, for people and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "libs/policy/policy.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

// In their order, which decides; those of a policy that says nothing with a line that tells so.
std::string AlertRulesAsText(const PolicyDocument& document, const terminal::Style& style);

// The same rules: lists of globs and names are arrays, numbers texts as a document has them
// ("at": "80%"). What a rule does not limit is left out.
nlohmann::ordered_json AlertRulesAsJson(const PolicyDocument& document);

}  // namespace quotaplane::quotactl
