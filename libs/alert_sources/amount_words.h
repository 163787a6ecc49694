// Amounts, shares and times as messages say them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quotaplane {

// "812.00 USD" of nano-USD, "1,204 requests".
std::string AmountWords(int64_t amount, std::string_view unit);
// "80 %", "99.5 %".
std::string ShareWords(int64_t permille);
// "2026-11-26 15:00 UTC".
std::string TimeWords(int64_t us);

}  // namespace quotaplane
