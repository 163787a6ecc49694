// The text of a key set, from a file or a URL. Blocks.
#pragma once

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane {

// At most kMaxKeySetBytes. A URL (IsAllowedKeysUrl) has to answer 200 within `timeout`; redirects
// are not followed; https is verified against the system's certificates. Given up soon after
// `*stop` is true. UNAVAILABLE says what is wrong.
absl::StatusOr<std::string> ReadKeys(const std::string& keys, absl::Duration timeout,
                                     const std::atomic<bool>* stop);

}  // namespace quotaplane
