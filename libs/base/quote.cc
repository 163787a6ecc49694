#include "libs/base/quote.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane {

std::string QuoteForMessage(std::string_view text) {
  constexpr size_t kShown = 64;
  if (text.size() <= kShown)
    return absl::StrCat("\"", absl::Utf8SafeCHexEscape(AbslView(text)), "\"");
  size_t cut = kShown;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(AbslView(text.substr(0, cut))), "…\"");
}

}  // namespace quotaplane
