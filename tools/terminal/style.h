// How text looks: in colour where somebody looks at it, plain in a file or a pipe.
#pragma once

#include <string>
#include <string_view>

namespace quotaplane::terminal {

enum class Tone { kPlain, kBold, kFaint, kGood, kWarning, kBad };

class Style {
 public:
  explicit Style(bool colour) : colour_(colour) {}
  // Colour if `fd` is a terminal, TERM is not "dumb", and NO_COLOR (https://no-color.org) is unset
  // or empty.
  static Style For(int fd);

  std::string Paint(Tone tone, std::string_view text) const;

 private:
  bool colour_;
};

}  // namespace quotaplane::terminal
