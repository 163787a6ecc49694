// Text as a JSON string.
#pragma once

#include <string>
#include <string_view>

namespace quotaplane {

// In quotes, with the escapes that JSON needs and no others. Bytes from 0x80 pass as they are:
// whether they are UTF-8 is the caller's to know.
void AppendJsonString(std::string_view text, std::string* out);
std::string JsonString(std::string_view text);

}  // namespace quotaplane
