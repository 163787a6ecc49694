// Whether an address is of this machine alone.
#pragma once

#include <string_view>

namespace quotaplane {

// Of "HOST" or "HOST:PORT": 127.0.0.0/8, [::1], localhost. Anything else may be reached from
// elsewhere, also a name that happens to resolve to this machine today.
bool IsLoopback(std::string_view address);

}  // namespace quotaplane
