// Reads charges back out of the ledger, as they were written.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
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

}  // namespace quotaplane
