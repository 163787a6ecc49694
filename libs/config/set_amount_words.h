// "user=alice: 500 USD a month": an amount for a scope, as people say it.
//
//   [SCOPE:] AMOUNT UNIT [per WINDOW]
//   SCOPE is DIMENSION=VALUE, several with commas; none is the whole org. Values with commas stand
//   in double quotes, in which \" and \\ are what they are elsewhere. `per` may also be `a`, `an`,
//   `each`, `every` or a slash: 500 usd/month, 600 requests/60s. Capitals do not matter in units
//   and windows. Without a window: concurrency.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "libs/config/policy_edit_reader.h"

namespace quotaplane {

// Only takes it apart: whether there is such a dimension, unit or window is for ReadPolicyEdit to
// say. INVALID_ARGUMENT says what is missing, and an example.
absl::StatusOr<SetAmountText> ParseSetAmount(std::string_view text);

}  // namespace quotaplane
