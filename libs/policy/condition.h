// Conditions on a subject: globs on its dimensions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/policy/subject.h"

namespace quotaplane {

// `*` any run of characters (also none), `?` any one (of UTF-8). Case matters. A text of n bytes
// takes at most n steps for each byte of the pattern, whatever the stars: no input makes it
// explode.
class Glob {
 public:
  explicit Glob(std::string pattern);
  bool Matches(std::string_view text) const;
  const std::string& pattern() const { return pattern_; }
  // Has neither `*` nor `?`.
  bool literal() const { return literal_; }

 private:
  std::string pattern_;
  bool literal_;
};

// A dimension and the globs of which one must match. An absent dimension matches nothing, not even
// `*`.
struct Condition {
  Dimension dimension;
  std::vector<Glob> any_of;
};
}  // namespace quotaplane
