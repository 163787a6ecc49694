// Fields as they stand in files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quotaplane::reports {

// RFC 4180: in quotes where it has a comma, a quote or the end of a line, or blanks at its ends,
// quotes doubled.
void AppendCsv(std::string_view field, std::string* out);
// "2026-03-31T23:59:59.500000Z"; the year is from 0 to 9999.
std::string FormatUtcMicros(int64_t us);
// The same to the second, rounded down: "2026-03-31T23:59:59Z".
std::string FormatUtcSeconds(int64_t us);
// Lower-case hexadecimal digits.
std::string FormatHex(std::string_view bytes);

}  // namespace quotaplane::reports
