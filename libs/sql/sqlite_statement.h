// A prepared statement of SQLite's.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/sql/database.h"

namespace quotaplane::sql {

// One thread at a time; ends before its database is closed.
class SqliteStatement {
 public:
  // `name` is what errors call it. INVALID_ARGUMENT: not exactly one statement, or parameters that
  // are not $1, $2, …
  static absl::StatusOr<SqliteStatement> Prepare(sqlite3* database, std::string_view name,
                                                 std::string_view sql);

  // Views of `values` until Reset. INVALID_ARGUMENT: too few or too many.
  absl::Status Bind(std::string_view name, absl::Span<const Value> values);
  // True: there is a row.
  absl::StatusOr<bool> Step(std::string_view name);
  // The values of the row, into `row`; views until the next Step or Reset.
  void ReadRow(std::vector<Value>* row) const;
  // Ready to be bound and stepped again. Always after Step, whatever it said: a statement that is
  // not reset keeps its lock.
  void Reset();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  int BindOne(int index, const Value& value);

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  std::vector<size_t> numbers_;  // numbers_[i] = n where SQLite's parameter i + 1 is $n
  size_t parameters_ = 0;        // the highest n
};

}  // namespace quotaplane::sql
