#include "libs/sql/sqlite_statement.h"

#include <algorithm>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/absl_view.h"
#include "libs/sql/errors.h"
#include "libs/sql/sqlite_error.h"

namespace quotaplane::sql {
namespace {

absl::Status Invalid(std::string_view name, absl::string_view what) {
  return DatabaseError(absl::StatusCode::kInvalidArgument, name, "", {what.data(), what.size()});
}

}  // namespace

absl::StatusOr<SqliteStatement> SqliteStatement::Prepare(sqlite3* database, std::string_view name,
                                                         std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, &tail);
  SqliteStatement statement;
  statement.statement_.reset(raw);
  if (code != SQLITE_OK) return SqliteError(database, code, name);
  const std::string_view rest = sql.substr(static_cast<size_t>(tail - sql.data()));
  if (raw == nullptr || rest.find_first_not_of(" \t\r\n;") != rest.npos) {
    return Invalid(name, "not exactly one statement");
  }
  const int count = sqlite3_bind_parameter_count(raw);
  for (int i = 1; i <= count; ++i) {
    const char* const text = sqlite3_bind_parameter_name(raw, i);
    absl::string_view digits = text == nullptr ? "" : text;
    uint32_t number = 0;
    if (!absl::ConsumePrefix(&digits, "$") || !absl::SimpleAtoi(digits, &number) || number < 1 ||
        number > 100'000) {
      return Invalid(name, "parameters are $1, $2, …, and casts CAST(… AS …)");
    }
    statement.numbers_.push_back(number);
    statement.parameters_ = std::max<size_t>(statement.parameters_, number);
  }
  return statement;
}

int SqliteStatement::BindOne(int index, const Value& value) {
  sqlite3_stmt* const statement = statement_.get();
  if (value.is_null()) return sqlite3_bind_null(statement, index);
  switch (value.type()) {
    case Type::kInt:
      return sqlite3_bind_int64(statement, index, value.integer());
    case Type::kDouble:
      return sqlite3_bind_double(statement, index, value.number());
    case Type::kText: {
      const std::string_view text = value.text();
      return sqlite3_bind_text64(statement, index, text.empty() ? "" : text.data(), text.size(),
                                 SQLITE_STATIC, SQLITE_UTF8);
    }
    case Type::kBytes: {
      const std::string_view bytes = value.bytes();
      // A null pointer would be NULL.
      return sqlite3_bind_blob64(statement, index, bytes.empty() ? "" : bytes.data(), bytes.size(),
                                 SQLITE_STATIC);
    }
    case Type::kAny:
      break;
  }
  return SQLITE_MISUSE;
}

absl::Status SqliteStatement::Bind(std::string_view name, absl::Span<const Value> values) {
  if (values.size() != parameters_) {
    return Invalid(name, absl::StrCat(values.size(), " parameters are given, ", parameters_,
                                      " are in the statement"));
  }
  for (size_t i = 0; i < numbers_.size(); ++i) {
    const int code = BindOne(static_cast<int>(i) + 1, values[numbers_[i] - 1]);
    if (code != SQLITE_OK) return SqliteError(sqlite3_db_handle(statement_.get()), code, name);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> SqliteStatement::Step(std::string_view name) {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteError(sqlite3_db_handle(statement_.get()), code, name);
}

void SqliteStatement::ReadRow(std::vector<Value>* row) const {
  sqlite3_stmt* const statement = statement_.get();
  const int columns = sqlite3_column_count(statement);
  row->clear();
  for (int i = 0; i < columns; ++i) {
    switch (sqlite3_column_type(statement, i)) {
      case SQLITE_INTEGER:
        row->emplace_back(static_cast<int64_t>(sqlite3_column_int64(statement, i)));
        break;
      case SQLITE_FLOAT:
        row->emplace_back(sqlite3_column_double(statement, i));
        break;
      case SQLITE_TEXT: {
        const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
        row->emplace_back(
            std::string_view(text, static_cast<size_t>(sqlite3_column_bytes(statement, i))));
        break;
      }
      case SQLITE_BLOB: {
        // A null pointer where it is empty.
        const auto* const blob = static_cast<const char*>(sqlite3_column_blob(statement, i));
        const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, i));
        row->emplace_back(Bytes{std::string_view(blob == nullptr ? "" : blob, size)});
        break;
      }
      default:
        row->emplace_back(nullptr);
    }
  }
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

}  // namespace quotaplane::sql
