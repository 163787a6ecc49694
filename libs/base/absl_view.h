// Debian 12's Abseil is built for C++14, where absl::string_view is a class of its own: StrCat,
// StrSplit, and lookups in maps keyed by std::string do not take a std::string_view. This is the
// bridge.
#pragma once

#include <string_view>

#include "absl/strings/string_view.h"

namespace quotaplane {

inline absl::string_view AbslView(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace quotaplane
