// Signals that were made before somebody was erased, and are recorded after it.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "libs/alerts/signal.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Puts pseudonyms in the place of the names that were erased at a signal's time or later. The first
// of a transaction: no erasure goes on beside it.
absl::Status EraseSignals(sql::Transaction& transaction, std::vector<Signal>* signals);

}  // namespace quotaplane
