// What a reconciliation found: a table for people, CSV for spreadsheets, JSON for programs.
#pragma once

#include <string>

#include "libs/reconcile/reconcile.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

std::string OutcomeAsTable(const reconcile::Outcome& outcome, const reconcile::Options& options,
                           const terminal::Style& style);
// One line per difference. Money is in USD, exact; what the export does not tell is empty.
std::string OutcomeAsCsv(const reconcile::Outcome& outcome);
// Money in nano-USD; int64 as strings, as the API's JSON has them. Ended by a line feed.
std::string OutcomeAsJson(const reconcile::Outcome& outcome, const reconcile::Options& options);

}  // namespace quotaplane::quotactl
