// The rules of a month's statements in YAML -> ChargebackRules. docs/reports.md describes the
// format.
//
//   seat_fees:
//     - {name: Platform, usd_per_seat: 19, seats: {R-100: 14, R-200: 3}}
//     - {name: Editor, usd_per_seat: 4.50, seats: active_users}
//   shared_costs:
//     - {name: Gateway, usd: 1200, allocate: by_usage}          # or even
//     - {name: Support, usd: 250, allocate: {R-100: 3, R-200: 1}}  # by weight
//   markup_percent: 3.5             # -10 is a discount
//   markup_percent_of: {R-200: 0}   # in place of it
//   currency: {code: EUR, per_usd: 0.92345, decimals: 2}
//
// Every part may be left out. "" stands for what has no cost center. Decimals are exact. Errors and
// bounds as in policy_reader.h, and those of libs/chargeback/rules.h.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/chargeback/rules.h"

namespace quotaplane {

// `name` stands for the file in messages.
absl::StatusOr<ChargebackRules> ParseChargebackRules(std::string_view text, std::string_view name);
// NOT_FOUND or PERMISSION_DENIED name the path.
absl::StatusOr<ChargebackRules> LoadChargebackRulesFile(const std::string& path);

}  // namespace quotaplane
