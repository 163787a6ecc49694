// The words of a call: whose it is and what it uses, "user=alice input=1,000 tier=batch".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/admission/admission.h"
#include "libs/policy/subject.h"

namespace quotaplane::scenarios {

struct RequestWords {
  Subject subject;
  Usage usage;  // of a call with a single estimate or attempt
  std::optional<ServiceTier> tier;
  std::optional<int64_t> ttl_us;
  std::optional<int64_t> sequence;
  std::vector<Attempt> attempts;  // behind each word `attempt`
};

// Reads words[first ..] over the values of `subject`; "user=" takes the user away. `is_meter` knows
// the meters of the policy and the price book. INVALID_ARGUMENT: a word that means nothing.
absl::StatusOr<RequestWords> ReadRequest(const std::vector<std::string>& words, size_t first,
                                         const Subject& subject,
                                         const std::function<bool(const std::string&)>& is_meter);

}  // namespace quotaplane::scenarios
