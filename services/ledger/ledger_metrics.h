// The ledger role's metrics. Names and labels are pinned by tests/e2e/metrics.golden.
#pragma once

#include <vector>

#include "libs/metrics/family.h"
#include "services/ledger/ledger_status.h"

namespace quotaplane {

std::vector<metrics::Family> LedgerMetrics(const LedgerStatus& status, absl::Time now);

}  // namespace quotaplane
