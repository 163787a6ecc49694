// A statement for a spreadsheet.
#pragma once

#include <string>

#include "libs/reports/statement.h"

namespace quotaplane::reports {

// RFC 4180, with a header: a line for each line of usage, for the markup, each seat fee and each
// shared cost. `item` names the fee or cost; `quantity` of a seat fee are its seats. Amounts are in
// USD, exact; they add up to the total, which has no line of its own.
std::string StatementCsv(const Statement& statement);

}  // namespace quotaplane::reports
