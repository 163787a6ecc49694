#include "libs/base/did_you_mean.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane {
namespace {

// Levenshtein distance, for short texts.
size_t Slips(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string DidYouMean(std::string_view text, const std::vector<std::string_view>& known) {
  std::string_view best;
  // Two slips in a short word make another word, not a slip.
  size_t best_slips = text.size() >= 5 ? 3 : 2;
  for (const std::string_view candidate : known) {
    if (candidate.size() > text.size() + 2 || text.size() > candidate.size() + 2) continue;
    const size_t slips = Slips(absl::AsciiStrToLower(AbslView(text)), candidate);
    if (slips < best_slips) {
      best = candidate;
      best_slips = slips;
    }
  }
  return best.empty() ? "" : absl::StrCat("; did you mean \"", AbslView(best), "\"?");
}

}  // namespace quotaplane
