// Comparison of secrets, which must not tell by its time how much of a guess was right.
#pragma once

#include <string_view>

namespace quotaplane {

// Whether both are the same bytes. The time depends on their sizes alone: at once where they
// differ. Thread-safe.
bool SameInConstantTime(std::string_view a, std::string_view b);

}  // namespace quotaplane
