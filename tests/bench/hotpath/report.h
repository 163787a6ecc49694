// A run's results for programs (JSON) and for people (tables, a picture).
#pragma once

#include <string>

#include "tests/bench/hotpath/results.h"

namespace quotaplane::bench {

// Keys: empty, reserve, commit, pair (each by in flight: per_s, p50_us, p99_us, p999_us),
// pairs_per_s_p99_under_1ms, redis_us_per_reserve, redis_us_per_commit,
// redis_bytes_per_calendar_counter, redis_bytes_per_sliding_counter, server_rss_mib, meta.
std::string JsonReport(const Results& results);

// Aligned for a terminal.
std::string TextReport(const Results& results);

// A page that needs nothing else: one panel per number in flight, one curve per operation.
std::string HtmlPicture(const Results& results);

}  // namespace quotaplane::bench
