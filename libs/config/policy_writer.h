// A policy document -> YAML, in its canonical form.
//
// ParsePolicy of the text gives a document of the same fingerprint, and writing that once more
// gives the same bytes: keys stand in a fixed order, what is at its default is left out, `defaults`
// are resolved, overrides stand one a line in the order of what they match, and numbers and windows
// have one form. Globs, limits and rules stay in the order of the document, which means something
// to people or to decisions.
#pragma once

#include <string>

#include "libs/policy/policy.h"

namespace quotaplane {

// Of a document of Policy::document(), whose texts are UTF-8. 100,000 overrides take well under
// 150 ms. The text may be larger than ParsePolicy reads (kMaxYamlBytes) where the document is.
std::string WritePolicy(const PolicyDocument& document);

}  // namespace quotaplane
