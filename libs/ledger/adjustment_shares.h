// How an adjustment falls on the lines of a charge: arithmetic alone.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/ledger/adjuster.h"
#include "libs/ledger/booked_charge.h"

namespace quotaplane {

struct LineShare {
  size_t index = 0;  // into BookedCharge::lines
  int64_t quantity = 0;
  int64_t cost_nano_usd = 0;
};

// The lines that change. The errors are Adjuster::Adjust's: NOT_FOUND (no such line),
// FAILED_PRECONDITION (NOTHING_LEFT, MORE_THAN_LEFT), OUT_OF_RANGE.
absl::StatusOr<std::vector<LineShare>> SharesOf(const Adjustment& adjustment,
                                                const BookedCharge& charge);

}  // namespace quotaplane
