// What a charge comes to by another price book: arithmetic alone.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/ledger/booked_charge.h"
#include "libs/ledger/correction_rows.h"
#include "libs/ledger/rerate.h"
#include "libs/policy/policy.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {

// The corrections of its lines, which `report` is told of. Attempts of other models than `models`,
// if there are any, are not looked at. OUT_OF_RANGE: a price or a sum does not fit. Views into the
// charge, the policy and the book.
absl::StatusOr<std::vector<LineCorrection>> Reprice(const BookedCharge& charge,
                                                    const Policy& policy, const PriceBook& prices,
                                                    const std::vector<std::string>& models,
                                                    RerateReport* report);

}  // namespace quotaplane
