// Reads charges out of the ledger for a replay: as StreamCharges (libs/ledger/ledger_reader.h), but
// only what a policy could ask about, since ten million entries are read at a time.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/backtest/past_charge.h"
#include "libs/backtest/used_dimensions.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct PastRange {
  std::string_view org;
  int64_t from_us = 0;  // included
  int64_t to_us = 0;    // excluded
};

// Takes a charge and how many entries it has in the ledger.
using PastCallback = absl::FunctionRef<absl::Status(PastCharge charge, int entries)>;

// The usage of that range in the order of time, those of one instant in that of their keys; in
// bounded memory. Of the subject, the user and what `used` names is set. An error of the callback
// ends it and is returned. DATA_LOSS: an entry that nobody here wrote.
absl::Status StreamPast(sql::Session& session, const PastRange& range, const UsedDimensions& used,
                        PastCallback callback);

// When the org's first entry was; INT64_MAX where it has none.
absl::StatusOr<int64_t> FirstEntryUs(sql::Session& session, std::string_view org);

}  // namespace quotaplane
