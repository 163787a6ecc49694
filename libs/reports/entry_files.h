// Every entry with every column of the ledger, for spreadsheets and for programs.
//
// Money is in USD as a decimal, exact to the nano, since that is what a spreadsheet adds up. Times
// are UTC with microseconds. In JSON all numbers are strings, which no reader rounds, and flags are
// true and false; in CSV flags are 1 and 0, and what is absent is an empty field.
#pragma once

#include <memory>

#include "libs/reports/entry.h"

namespace quotaplane::reports {

// RFC 4180: a header line, lines ended by CR LF.
std::unique_ptr<EntryWriter> CsvWriter();
// One object per line, ended by LF; the keys are the columns of the CSV, in its order.
std::unique_ptr<EntryWriter> JsonLinesWriter();

}  // namespace quotaplane::reports
