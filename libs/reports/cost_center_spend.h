// What each cost center has spent in the month under way and in the last one that was closed: for
// metrics, which by that outlive the processes that show them.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "libs/sql/database.h"

namespace quotaplane::reports {

struct CostCenterSpend {
  // By cost center, in nano-USD, as the ledger has it now; corrections made in the month included.
  std::map<std::string, int64_t> open;
  // Of `closed_month` ("2026-10"); empty where no month has been closed, or where retention has
  // dropped a part of it.
  std::map<std::string, int64_t> closed;
  std::string closed_month;
};

// Months are in the zone of the org's closes; UTC where there has been none. `now_us` says which
// month is under way. Errors are the database's.
absl::StatusOr<CostCenterSpend> ReadCostCenterSpend(sql::Database& ledger, const std::string& org,
                                                    int64_t now_us);

}  // namespace quotaplane::reports
