// The stored names of counters. They must never change: a policy that means the same has to find
// its counters again, after any upgrade. counter_identity_test.cc pins some.
//
// A name is the digest of the limit's family combined with the digest of the scope by exclusive or.
// Families come from the policy and are known beforehand; a scope is hashed once per request,
// however many limits count over it (hashing is most of what a match costs). To make two names
// meet, a caller would have to find two scopes whose digests differ by exactly what two families
// differ by, which is as hard as finding two equal digests.
#pragma once

#include <string_view>
#include <vector>

#include "libs/base/hash.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// What all counters of a limit have in common: the names of `per`, `when`, unit and window, and of
// a limit with a tier that and `tiers` (TiersDigest, risk_tier.h). Neither the order in which they
// were written nor repeated globs matter. `limit.per` and `limit.when` are sorted.
Digest CounterFamily(const Limit& limit, const Digest& tiers);
// Those of all limits of a document in normal form, in its order.
std::vector<Digest> CounterFamilies(const PolicyDocument& document);

// The org and the values of `per`. `buffer` is scratch space.
Digest ScopeDigest(const std::vector<Dimension>& per, const Subject& subject,
                   std::string_view model, FieldBuffer* buffer);

Digest CounterName(const Digest& family, const Digest& scope);

}  // namespace quotaplane
