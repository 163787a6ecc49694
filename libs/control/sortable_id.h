// Ids that sort by when they were made: a ULID in lower case, 26 characters of Crockford's base 32,
// of which the first 10 are the millisecond and the others 80 random bits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quotaplane {

// `now_us` from 0 to the year 10889. Thread-safe.
std::string NewSortableId(int64_t now_us);

bool IsSortableId(std::string_view text);

}  // namespace quotaplane
