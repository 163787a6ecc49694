// The rules that texts in requests to change the ledger's past have in common.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "libs/base/error.h"

namespace quotaplane {

// Files a violation unless `text` is 1 to `most` bytes of UTF-8 without control characters.
void CheckText(std::string_view field, std::string_view text, size_t most,
               std::vector<FieldViolation>* violations);

}  // namespace quotaplane
