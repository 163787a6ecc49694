#include "libs/ledger/request_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/sql/check.h"

namespace quotaplane {

void CheckText(std::string_view field, std::string_view text, size_t most,
               std::vector<FieldViolation>* violations) {
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (!text.empty() && text.size() <= most && !control && sql::IsText(text)) return;
  violations->push_back(
      {std::string(field),
       absl::StrCat("must be 1 to ", most, " bytes of UTF-8 without control characters")});
}

}  // namespace quotaplane
