// The words of an exception: "e1 user-month user=alice amount=500 from=DATE TIME ZONE until=DATE
// TIME ZONE".
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/policy/policy.h"
#include "libs/policy/raises.h"

namespace quotaplane::scenarios {

// Reads words[first ..]: the exception's id and the limit's, then the scope, one value for each of
// the limit's `per`; the amount in the limit's unit by `policy` (of a limit that is not there: a
// count); and when it begins and ends. INVALID_ARGUMENT: a word that means nothing.
absl::StatusOr<Raise> ReadException(const std::vector<std::string>& words, size_t first,
                                    const Policy& policy);

}  // namespace quotaplane::scenarios
