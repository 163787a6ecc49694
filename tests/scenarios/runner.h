// Runs scenario files (README.md has their syntax).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quotaplane::scenarios {

// Runs a scenario from start to end in a world of its own. Gives what was not as expected, each
// "NAME:LINE: …"; empty if all was. Words that mean nothing end the scenario, with the last entry
// saying so.
std::vector<std::string> RunScenario(std::string_view text, std::string_view name);

}  // namespace quotaplane::scenarios
