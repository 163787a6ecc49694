// A statement as a page to read, to send and to print: one HTML file, with its style and its chart
// in it and nothing from elsewhere. There is no script, and its content security policy allows
// none. Everything that somebody else has written stands there as text. The same statement gives
// the same bytes.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/reports/statement.h"

namespace quotaplane::reports {

// What tables have beside the line of all others.
inline constexpr size_t kMaxPageGroups = 40;
inline constexpr size_t kMaxPageLines = 200;  // of late usage and corrections

// OUT_OF_RANGE: a sum does not fit.
absl::StatusOr<std::string> StatementPage(const Statement& statement);

}  // namespace quotaplane::reports
