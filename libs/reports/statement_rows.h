// The tables of statements: rows in, rows out. A part of statement_store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/reports/statement.h"
#include "libs/reports/statement_source.h"
#include "libs/reports/statement_store.h"
#include "libs/sql/database.h"

namespace quotaplane::reports {

// A row of statement_closes.
struct Close {
  int64_t close_number = 0;
  std::string month;
  std::string time_zone;
  std::string request_id;
  std::string rules;
  int64_t closed_at_us = 0;
  int64_t first_number = 0;
  int64_t statements = 0;
};

// Of the org, in the order in which they were made: at most 2,400, the months of two centuries.
absl::StatusOr<std::vector<Close>> ReadCloses(sql::Session& session, const std::string& org);

// Inserts all of a close. ALREADY_EXISTS: another close has its number, its month, its id or one of
// its statements' numbers.
absl::Status InsertClose(sql::Session& session, const std::string& org, const Close& close,
                         const std::vector<Statement>& statements);

// What of the month has been billed so far, by every statement; usage and late usage are one, of
// kind usage.
absl::StatusOr<CenterLines> ReadBilled(sql::Session& session, const std::string& org,
                                       const std::string& month);

// What the statements of a close were made of.
absl::StatusOr<std::map<std::string, CenterUsage>> ReadUsage(sql::Session& session,
                                                             const std::string& org,
                                                             const Close& close);

}  // namespace quotaplane::reports
