// What conditions mean, as bytes to digest: neither the order nor the repetition of globs matters.
//
// Counters' names are made of it, so it must never change (counter_identity.h).
#pragma once

#include <vector>

#include "libs/base/hash.h"
#include "libs/policy/policy.h"

namespace quotaplane {

void AddGlobs(const std::vector<Glob>& globs, FieldBuffer* buffer);
// Requires `when` sorted by dimension.
void AddWhen(const std::vector<Condition>& when, FieldBuffer* buffer);

}  // namespace quotaplane
