// The text of a key set, from a file or a URL. Blocks.
#pragma once

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane {

// At most kMaxKeySetBytes. A URL (IsAllowedKeysUrl) has to answer 200 within `timeout`; redirects
// are not followed; an https server has to show a certificate for its name of the authorities in
// `ca_file` and no others (empty: of the system's). Given up soon after `*stop` is true.
// UNAVAILABLE says what is wrong.
absl::StatusOr<std::string> ReadKeys(const std::string& keys, const std::string& ca_file,
                                     absl::Duration timeout, const std::atomic<bool>* stop);

}  // namespace quotaplane
