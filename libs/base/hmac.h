// HMAC-SHA256 (RFC 2104), for signatures that others check.
#pragma once

#include <array>
#include <string_view>

namespace quotaplane {

using HmacSha256 = std::array<char, 32>;

// 32 raw bytes. A key of any length. Thread-safe.
HmacSha256 HmacSha256Of(std::string_view key, std::string_view data);

}  // namespace quotaplane
