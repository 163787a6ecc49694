#include <algorithm>

#include "libs/policy/policy.h"

namespace quotaplane {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The start of the character after that at `i`.
size_t NextCharacter(std::string_view text, size_t i) {
  ++i;
  while (i < text.size() && IsContinuation(text[i])) ++i;
  return i;
}

}  // namespace

Glob::Glob(std::string pattern)
    : pattern_(std::move(pattern)), literal_(pattern_.find_first_of("*?") == std::string::npos) {}

// Only the latest star is ever widened: what an earlier star could give, the latest can as well. So
// nothing is tried twice for two stars, and the whole is at most |text| rounds over the pattern's
// part after a star.
bool Glob::Matches(std::string_view text) const {
  if (literal_) return text == pattern_;
  size_t t = 0;
  size_t p = 0;
  size_t star = std::string::npos;  // pattern position after the latest star
  size_t star_end = 0;              // end of the run of text that it stands for
  while (t < text.size()) {
    if (p < pattern_.size() && pattern_[p] == '*') {
      star = ++p;
      star_end = t;
    } else if (p < pattern_.size() && pattern_[p] == '?') {
      ++p;
      t = NextCharacter(text, t);
    } else if (p < pattern_.size() && pattern_[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string::npos) {
      star_end = NextCharacter(text, star_end);
      t = star_end;
      p = star;
    } else {
      return false;
    }
    if (star != std::string::npos && star == pattern_.size()) return true;
  }
  return pattern_.find_first_not_of('*', p) == std::string::npos;
}

bool MatchesAll(const std::vector<Condition>& when, const Subject& subject,
                std::string_view model) {
  return std::all_of(when.begin(), when.end(), [&](const Condition& condition) {
    const std::string_view value = condition.dimension.ValueIn(subject, model);
    return !value.empty() && std::any_of(condition.any_of.begin(), condition.any_of.end(),
                                         [&](const Glob& glob) { return glob.Matches(value); });
  });
}

}  // namespace quotaplane
