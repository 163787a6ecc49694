#include "libs/sql/postgres_error.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/sql/errors.h"

namespace quotaplane::sql {
namespace {

struct Meaning {
  std::string_view sqlstate;  // all five characters, or a class of two
  absl::StatusCode code;
};

// The first that fits.
constexpr Meaning kMeanings[] = {
    {"23505", absl::StatusCode::kAlreadyExists},       // unique_violation
    {"40", absl::StatusCode::kAborted},                // serialization, deadlock
    {"57014", absl::StatusCode::kDeadlineExceeded},    // canceled: statement_timeout
    {"55P03", absl::StatusCode::kDeadlineExceeded},    // lock_timeout
    {"08P01", absl::StatusCode::kInvalidArgument},     // too few parameters
    {"08", absl::StatusCode::kUnavailable},            // the connection
    {"57P", absl::StatusCode::kUnavailable},           // shutting down, starting up, crashed
    {"53300", absl::StatusCode::kUnavailable},         // too many connections
    {"58", absl::StatusCode::kUnavailable},            // the server's own disk or system
    {"53", absl::StatusCode::kResourceExhausted},      // disk full, out of memory
    {"54", absl::StatusCode::kResourceExhausted},      // a limit of the server's
    {"22003", absl::StatusCode::kOutOfRange},          // numeric_value_out_of_range
    {"25", absl::StatusCode::kFailedPrecondition},     // read-only, failed transaction
    {"26000", absl::StatusCode::kAborted},             // a prepared statement was dropped
    {"0A000", absl::StatusCode::kInvalidArgument},     // not supported
    {"42501", absl::StatusCode::kFailedPrecondition},  // no privilege
    {"XX001", absl::StatusCode::kDataLoss},
    {"XX002", absl::StatusCode::kDataLoss},
    {"XX", absl::StatusCode::kInternal},
};

// Classes whose primary messages name tables, columns and constraints, but quote no values. Not 22
// (bad data), nor what functions raise.
bool QuotesNoValues(std::string_view sqlstate) {
  constexpr std::string_view kClasses[] = {"08", "0A", "23", "25", "26", "28", "3D", "3F",
                                           "40", "42", "53", "54", "55", "57", "58"};
  return std::find(std::begin(kClasses), std::end(kClasses), sqlstate.substr(0, 2)) !=
         std::end(kClasses);
}

}  // namespace

absl::StatusCode CodeOfSqlState(std::string_view sqlstate) {
  for (const Meaning& meaning : kMeanings) {
    if (sqlstate.starts_with(meaning.sqlstate)) return meaning.code;
  }
  return absl::StatusCode::kInvalidArgument;
}

absl::Status PostgresError(std::string_view statement_name, std::string_view sqlstate,
                           std::string_view message, std::string_view constraint) {
  std::string what = QuotesNoValues(sqlstate) ? std::string(message) : "refused by the database";
  if (!constraint.empty()) absl::StrAppend(&what, ", constraint ", AbslView(constraint));
  absl::Status status =
      DatabaseError(CodeOfSqlState(sqlstate), statement_name, sqlstate, what, constraint);
  return status;
}

}  // namespace quotaplane::sql
