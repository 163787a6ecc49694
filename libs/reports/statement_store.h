// Closing months, and the statements of those that are closed.
//
// Order. The first close of an org says from which month on it has statements, and in which zone
// its months are: later ones are closed in that zone, one after another; months without usage may
// be left out. A month can be closed once it is over, and as long as the ledger has all of it:
// retention drops old sums and entries, and what a month has lost can neither be billed nor held
// against later months.
//
// Late usage and corrections. A close compares, for each month from the first closed one on but at
// most kLookBackMonths back, what the ledger has of it with what has been billed of it, line by
// line, and bills the difference. A month of which retention has dropped a part is left alone.
//
// Final. Rows of statements are only ever inserted; the schema refuses anything else. Two closes of
// an org at once claim the same close number: one is stored whole, the other finds it taken and
// starts over. Reading, which takes long, is a transaction of its own that locks nobody out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/reports/statement.h"
#include "libs/sql/database.h"

namespace quotaplane::reports {

inline constexpr int kLookBackMonths = 12;

// Which month is to be closed, or looked at beforehand, and by which rules.
struct MonthQuery {
  std::string org;
  absl::CivilMonth month;
  absl::TimeZone zone;
  ChargebackRules rules;
};

// A statement without its lines.
struct StatementSummary {
  int64_t number = 0;
  std::string month;
  std::string cost_center;
  int64_t active_users = 0;
  std::string currency;  // its code
  Totals totals;
};
StatementSummary SummaryOf(const Statement& statement);

struct CloseResult {
  int64_t closed_at_us = 0;
  std::vector<StatementSummary> statements;
};

// Closes the month. The same call again (by `request_id`) changes nothing and gives the stored
// result. `now_us` is the caller's clock.
// FAILED_PRECONDITION, by reason: MONTH_OPEN (not over yet), MONTH_CLOSED, LATER_MONTH_CLOSED,
// EARLIER_MONTH_OPEN (metadata `month`: the first one that has usage), TIME_ZONE_FIXED (metadata
// `time_zone`). ALREADY_EXISTS, reason REQUEST_MISMATCH: another close had that id. ABORTED: others
// kept closing. Those of CheckKept (of the month), ReadUsedSums and MakeStatements.
absl::StatusOr<CloseResult> CloseMonth(sql::Database& ledger, const MonthQuery& query,
                                       const std::string& request_id, int64_t now_us);

// What CloseMonth would make of the month now; stores nothing, and may be asked of a month under
// way. Earlier months that are still open are left out. FAILED_PRECONDITION: MONTH_CLOSED,
// LATER_MONTH_CLOSED, TIME_ZONE_FIXED. Otherwise as CloseMonth.
absl::StatusOr<std::vector<Statement>> PreviewMonth(sql::Database& ledger, const MonthQuery& query);

struct StatementFilter {
  std::string org;
  std::optional<std::string> month;
  std::optional<std::string> cost_center;
};
// In the order of their numbers: at most `count`, from the first above `after`.
absl::StatusOr<std::vector<StatementSummary>> ListStatements(sql::Session& session,
                                                             const StatementFilter& filter,
                                                             int64_t after, size_t count);

// The document as it was stored. NOT_FOUND, reason STATEMENT_UNKNOWN. DATA_LOSS, reason
// STATEMENT_DAMAGED: its digest is not the one stored with it.
absl::StatusOr<std::string> StoredDocument(sql::Session& session, const std::string& org,
                                           int64_t number);

// The documents of a closed month, made anew from what was stored of it: byte for byte those that
// StoredDocument gives. NOT_FOUND: the month is not closed.
absl::StatusOr<std::vector<std::string>> RemakeDocuments(sql::Session& session,
                                                         const std::string& org,
                                                         const std::string& month);

}  // namespace quotaplane::reports
