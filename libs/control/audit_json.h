// What audit rows say in their columns `before` and `after`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quotaplane {

// A JSON object of strings, keys in the order given.
std::string AuditJson(const std::vector<std::pair<std::string, std::string>>& fields);

// `text` as UTF-8 that a database takes, cut to `most` bytes: control characters and what is no
// UTF-8 become "?".
std::string PrintableText(std::string_view text, size_t most);

}  // namespace quotaplane
