// What a month's statements are made of, read from the ledger.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/reports/kept.h"
#include "libs/reports/statement.h"
#include "libs/sql/database.h"

namespace quotaplane::reports {

// By cost center.
using CenterLines = std::map<std::string, Lines>;

// Whether the ledger has all of the month: its sums, and its entries, among which are the
// corrections. Errors are those of CheckKept.
absl::Status CheckMonthKept(const KeptFrom& kept, absl::CivilMonth month, absl::TimeZone zone);

// Everything charged in the range, which is the month `month` in `zone`: usage, which is what the
// sums say less corrections, and corrections, from their entries. Lines that are zero are left out.
// Read as one snapshot if `session` is one. Errors are those of ReadUsedSums.
absl::StatusOr<CenterLines> ReadMonthLines(sql::Session& session, const std::string& org,
                                           absl::CivilMonth month, absl::TimeZone zone);

// Adds days and active users of the month to those that have lines; others are left out.
absl::Status AddMonthDetails(sql::Session& session, const std::string& org, absl::CivilMonth month,
                             absl::TimeZone zone, std::map<std::string, CenterUsage>* usage);

}  // namespace quotaplane::reports
