// What closed months owe: what the ledger has of them beyond what has been billed. A part of
// statement_store.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/reports/statement_rows.h"

namespace quotaplane::reports {

// The lines that are still to be billed, as kinds late and correction; both arguments are of one
// month. None at all where something billed is missing from the ledger: usage never shrinks, so
// somebody has taken rows away (retention says when it does), and the rest cannot be told.
// OUT_OF_RANGE: a difference does not fit.
absl::StatusOr<CenterLines> Owed(CenterLines ledger, const CenterLines& billed);

// Adds what the months before `month` owe, from the first closed one on but at most kLookBackMonths
// back; those of which retention has dropped a part are left alone. `closes` are all of the org's,
// not empty.
absl::Status AddLateLines(sql::Session& session, const KeptFrom& kept, const std::string& org,
                          absl::CivilMonth month, absl::TimeZone zone,
                          const std::vector<Close>& closes,
                          std::map<std::string, CenterUsage>* usage);

}  // namespace quotaplane::reports
