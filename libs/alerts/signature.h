// How a receiver knows that a message is ours: HMAC-SHA256 with a shared secret over the time of
// the attempt and the body, so that neither can be another's. docs/alerts.md has a check in Python.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quotaplane {

inline constexpr char kTimestampHeader[] = "Quotaplane-Timestamp";  // seconds since the epoch
inline constexpr char kSignatureHeader[] = "Quotaplane-Signature";

// "v1=" and 64 hexadecimal digits: of "TIMESTAMP.BODY".
std::string SignatureOf(std::string_view secret, int64_t timestamp_s, std::string_view body);

// As a receiver checks it: in constant time, and not of a time more than `tolerance_s` away.
bool IsSignedBy(std::string_view secret, std::string_view signature, int64_t timestamp_s,
                std::string_view body, int64_t now_s, int64_t tolerance_s = 300);

}  // namespace quotaplane
