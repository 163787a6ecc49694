// Reads charges back out of the ledger, as they were written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/hash.h"
#include "libs/ledger/settled_charge.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct ChargeRange {
  std::string_view org;
  int64_t from_us = 0;  // both included, by the counter store's clock
  int64_t to_us = 0;
};

// Hands the org's usage of that time to `callback`, in the order of time, in bounded memory. Of the
// settlement, and of the record itself, everything that the ledger keeps is set; lines have their
// order, and a request without usage has none. An error of the callback ends it and is returned.
// DATA_LOSS: an entry that nobody here wrote.
absl::Status StreamCharges(sql::Session& session, const ChargeRange& range,
                           absl::FunctionRef<absl::Status(const SettledCharge&)> callback);

// Hands the corrections to `callback` that live counters have, of charges of the org and of that
// time, in the order of what they correct. Their lines say what they add, and may be negative;
// `occurred_at_us` of the settlement is when the corrected charge was. `applied_at_us` is when the
// counters got it, by the store's clock. Errors as those of StreamCharges.
absl::Status StreamCorrections(
    sql::Session& session, const ChargeRange& range,
    absl::FunctionRef<absl::Status(const SettledCharge&, int64_t applied_at_us)> callback);

// The corrections of one move (ledger_moves), likewise, whether applied or not.
absl::StatusOr<std::vector<SettledCharge>> ReadMove(sql::Session& session, std::string_view org,
                                                    const Digest& move);

// The labels of an entry, appended. DATA_LOSS: no JSON object of strings.
absl::Status ReadLabels(std::string_view text,
                        std::vector<std::pair<std::string, std::string>>* labels);

// "standard", "batch", "priority", "flex". DATA_LOSS: none of these.
absl::StatusOr<ServiceTier> TierOf(std::string_view name);

}  // namespace quotaplane
