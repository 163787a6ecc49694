#include "tools/terminal/style.h"

#include <unistd.h>

#include <cstdlib>

namespace quotaplane::terminal {
namespace {

std::string_view Sequence(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return "";
    case Tone::kBold:
      return "\x1b[1m";
    case Tone::kFaint:
      return "\x1b[2m";
    case Tone::kGood:
      return "\x1b[32m";
    case Tone::kWarning:
      return "\x1b[33m";
    case Tone::kBad:
      return "\x1b[31m";
  }
  return "";
}

std::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

}  // namespace

Style Style::For(int fd) {
  return Style(isatty(fd) == 1 && Environment("NO_COLOR").empty() && Environment("TERM") != "dumb");
}

std::string Style::Paint(Tone tone, std::string_view text) const {
  if (!colour_ || tone == Tone::kPlain || text.empty()) return std::string(text);
  return std::string(Sequence(tone)).append(text).append("\x1b[0m");
}

}  // namespace quotaplane::terminal
