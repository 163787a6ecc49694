// Text and numbers on a page.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quotaplane::reports {

// Whatever `text` says, it is text: in an element, and in an attribute in double quotes.
std::string EscapeHtml(std::string_view text);

// "1,234,567".
std::string GroupedCount(int64_t count);
// Nanos of a currency, rounded to so many decimals (0 to 9), halves away from zero: "-1,234.57". A
// minus sign is a hyphen.
std::string GroupedAmount(int64_t nano, int decimals);
// `part` of `whole` in percent, to a tenth: "12.3%"; empty where either is not above 0.
std::string PercentOf(int64_t part, int64_t whole);

}  // namespace quotaplane::reports
