// The words of what an alert does: "A-17 user=alice until=DATE TIME ZONE", and of a throttle also
// "share=20% limit=user-month".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/policy/curbs.h"

namespace quotaplane::scenarios {

// "A-17".
absl::StatusOr<int64_t> ReadAlert(const std::string& word);

// Reads words[1 ..] behind `freeze` or `throttle`: the alert, the scope, when it begins (unless at
// once) and when it ends. INVALID_ARGUMENT: a word that means nothing.
absl::StatusOr<Curb> ReadCurb(const std::vector<std::string>& words, bool freeze);

}  // namespace quotaplane::scenarios
