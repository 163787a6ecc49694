// A scenario file as a list of steps: only its form, not its meaning (README.md has the syntax).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace quotaplane::scenarios {

struct Step {
  int line = 0;      // from 1
  std::string text;  // the command as written, for messages
  std::vector<std::string> words;
  // The words behind each "->".
  std::vector<std::vector<std::string>> expected;
  // The indented lines below `policy` and `prices`, preceded by as many empty lines as stand above
  // them, so that a YAML reader counts lines as the file does.
  std::string block;
};

// Words are separated by blanks; double quotes keep blanks inside a word; a word that begins with #
// starts a comment. INVALID_ARGUMENT "NAME:LINE: what is wrong".
absl::StatusOr<std::vector<Step>> ReadScript(std::string_view text, std::string_view name);

}  // namespace quotaplane::scenarios
