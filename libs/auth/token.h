// Static tokens: "qpt_" and 43 characters, 32 random bytes in base64url. A server knows their
// hashes alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libs/base/hash.h"

namespace quotaplane {

inline constexpr std::string_view kTokenPrefix = "qpt_";

std::string NewToken();

// "blake2b:" and 64 hexadecimal digits, as an auth file has it.
std::string FormatTokenHash(const Hash256& hash);
std::optional<Hash256> ParseTokenHash(std::string_view text);

}  // namespace quotaplane
