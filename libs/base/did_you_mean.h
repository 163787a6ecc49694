// A guess at what a mistyped name was meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quotaplane {

// "; did you mean \"window\"?" where one of `known` is at most two slips away, otherwise empty.
std::string DidYouMean(std::string_view text, const std::vector<std::string_view>& known);

}  // namespace quotaplane
