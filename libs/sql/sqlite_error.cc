#include "libs/sql/sqlite_error.h"

#include <cerrno>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/sql/errors.h"

namespace quotaplane::sql {
namespace {

bool IsDiskFull(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

absl::StatusCode CodeOf(int extended, int system_error, absl::string_view message) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return absl::StatusCode::kAlreadyExists;
    case SQLITE_BUSY_SNAPSHOT:  // a reader that wants to write, after somebody else did
      return absl::StatusCode::kAborted;
    default:
      break;
  }
  switch (extended & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
      return absl::StatusCode::kUnavailable;
    case SQLITE_IOERR:
      return IsDiskFull(system_error) ? absl::StatusCode::kResourceExhausted
                                      : absl::StatusCode::kUnavailable;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_INTERRUPT:  // only the deadline interrupts
      return absl::StatusCode::kDeadlineExceeded;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::StatusCode::kFailedPrecondition;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_INTERNAL:
    case SQLITE_MISUSE:
      return absl::StatusCode::kInternal;
    default:
      // SUM() has no code of its own.
      return message == "integer overflow" ? absl::StatusCode::kOutOfRange
                                           : absl::StatusCode::kInvalidArgument;
  }
}

}  // namespace

absl::Status SqliteError(sqlite3* database, int code, std::string_view statement_name) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return absl::OkStatus();
  // SQLite tells a disk that is full from one that fails, but not a quota or a limit on files; and
  // it keeps the system's error of a statement, but not of a commit, whose trace is errno.
  const int last_errno = errno;
  const int kept_errno = database == nullptr ? 0 : sqlite3_system_errno(database);
  const int system_error = kept_errno != 0 ? kept_errno : last_errno;
  // Messages name tables and columns, and quote no values.
  const std::string message = database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database);
  const int extended = database == nullptr ? code : sqlite3_extended_errcode(database);
  absl::string_view constraint = message;
  if (!absl::ConsumePrefix(&constraint, "UNIQUE constraint failed: ") &&
      !absl::ConsumePrefix(&constraint, "CHECK constraint failed: ") &&
      !absl::ConsumePrefix(&constraint, "NOT NULL constraint failed: ")) {
    constraint = "";
  }
  return DatabaseError(CodeOf(extended, system_error, message), statement_name,
                       absl::StrCat(extended), message, {constraint.data(), constraint.size()});
}

}  // namespace quotaplane::sql
