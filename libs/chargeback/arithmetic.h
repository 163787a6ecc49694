// Shares that add up, and rounding that is written down.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace quotaplane {

// `amount` split in proportion to `weights`, exactly: the shares add up to it. Each gets its
// proportion rounded down; the nanos left over go one each to those whose remainders are largest,
// the earlier one first where they are equal (the largest remainder method). Requires amount >= 0,
// weights >= 0, not all 0.
std::vector<int64_t> Allocate(int64_t amount, const std::vector<int64_t>& weights);

// amount * numerator / denominator, rounded to the nearest, halves away from zero. nullopt where
// that does not fit. Requires denominator > 0.
std::optional<int64_t> Scale(int64_t amount, int64_t numerator, int64_t denominator);

// Nano-USD in another currency (1e-9 of it) at `nano_per_usd`, rounded once, to so many decimals (0
// to 9), halves away from zero. nullopt where that does not fit. Requires nano_per_usd from 1 to
// 10^15.
std::optional<int64_t> Convert(int64_t nano_usd, int64_t nano_per_usd, int decimals);

}  // namespace quotaplane
