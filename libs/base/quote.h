// Somebody's text in a message of ours.
#pragma once

#include <string>
#include <string_view>

namespace quotaplane {

// `text` for a message: quoted, cut to 64 bytes, control characters escaped.
std::string QuoteForMessage(std::string_view text);

}  // namespace quotaplane
