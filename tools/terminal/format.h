// Numbers, money and times for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace quotaplane::terminal {

// "18,059,974", "-1,000".
std::string FormatCount(int64_t count);
// Exact: "$57,868.362", "-$0.50".
std::string FormatMoney(int64_t nano_usd);
// Money where the unit is "usd", a count otherwise.
std::string FormatAmount(std::string_view unit, int64_t amount);
// The two largest units: "10d 3h", "2h 5m", "1m 30s", "42s", "1.5s"; rounded up, so that waiting
// that long suffices.
std::string FormatSpan(absl::Duration span);
// "0.42 ms", "87.1 ms", "1.20 s".
std::string FormatLatency(absl::Duration latency);
// In UTC, with the distance from `now`: "2026-11-30 23:00:00 UTC (in 10d 9h)".
std::string FormatMoment(absl::Time moment, absl::Time now);

// Other people's words, on one line and unable to steer a terminal: each control character is a
// blank. `text` is UTF-8.
std::string OneLine(std::string_view text);

}  // namespace quotaplane::terminal
