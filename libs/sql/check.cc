#include "libs/sql/check.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"

namespace quotaplane::sql {
namespace {

bool IsContinuation(unsigned char c) { return (c & 0xC0) == 0x80; }

// Bytes of the character that starts at `at`, by the table of well-formed sequences in the Unicode
// standard; 0 where there is none.
size_t CharacterSize(const unsigned char* at, size_t left) {
  const unsigned char first = at[0];
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  size_t size = 2;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;  // of the second byte
  if (first < 0xC2 || first > 0xF4) return 0;
  if (first >= 0xE0) size = 3;
  if (first >= 0xF0) size = 4;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  if (left < size || at[1] < low || at[1] > high) return 0;
  for (size_t i = 2; i < size; ++i) {
    if (!IsContinuation(at[i])) return 0;
  }
  return size;
}

// Eight ASCII characters, none of them NUL: nearly all text.
bool IsPlain(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  constexpr uint64_t kHigh = 0x8080808080808080;
  return ((word | (word - 0x0101010101010101)) & kHigh) == 0;
}

absl::string_view Problem(const Value& value) {
  if (value.is_null()) return "";
  if (value.type() == Type::kText && !IsText(value.text())) {
    return "is text with a NUL character or invalid UTF-8; such data are Bytes";
  }
  if (value.type() == Type::kDouble && std::isnan(value.number())) return "is not a number";
  return "";
}

bool IsIdentifier(std::string_view name) {
  return !name.empty() && name.size() <= 63 && !absl::ascii_isdigit(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

absl::Status BatchError(const Batch& batch, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("batch for ", AbslView(batch.table), ": ", what));
}

}  // namespace

bool IsText(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= 8 && IsPlain(text.data() + at)) {
      at += 8;
      continue;
    }
    const size_t size =
        CharacterSize(reinterpret_cast<const unsigned char*>(text.data()) + at, text.size() - at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

absl::Status CheckParameters(const Statement& statement, absl::Span<const Value> parameters) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    const absl::string_view problem = Problem(parameters[i]);
    if (!problem.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("SQL ", AbslView(statement.name), ": parameter $", i + 1, " ", problem));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckBatch(const Batch& batch) {
  if (!IsIdentifier(batch.table)) return BatchError(batch, "that is no name for a table");
  if (batch.columns.empty()) return BatchError(batch, "no columns");
  for (const Column& column : batch.columns) {
    if (!IsIdentifier(column.name)) return BatchError(batch, "a column has a bad name");
    if (column.type == Type::kAny) return BatchError(batch, "a column has no type");
  }
  if (batch.values.size() % batch.columns.size() != 0) {
    return BatchError(batch, "the last row is not complete");
  }
  if (batch.rows() > kMaxBatchRows) {
    return BatchError(batch, absl::StrCat(batch.rows(), " rows; at most ", kMaxBatchRows));
  }
  for (size_t i = 0; i < batch.values.size(); ++i) {
    const Column& column = batch.columns[i % batch.columns.size()];
    const Value& value = batch.values[i];
    absl::string_view problem = Problem(value);
    if (!value.is_null() && value.type() != column.type) problem = "is of another type";
    if (!problem.empty()) {
      return BatchError(batch, absl::StrCat(AbslView(column.name), " of row ",
                                            i / batch.columns.size() + 1, " ", problem));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckInsert(const Batch& batch, const InsertOptions& options) {
  QP_RETURN_IF_ERROR(CheckBatch(batch));
  const bool known = options.returning.empty() ||
                     std::any_of(batch.columns.begin(), batch.columns.end(),
                                 [&](const Column& c) { return c.name == options.returning; });
  if (!known) return BatchError(batch, "the column to return is not in it");
  return absl::OkStatus();
}

absl::Status CheckAdd(const Batch& batch, size_t key_columns) {
  QP_RETURN_IF_ERROR(CheckBatch(batch));
  if (key_columns == 0 || key_columns >= batch.columns.size()) {
    return BatchError(batch, "it needs a key, and columns to add to");
  }
  for (size_t i = 0; i < batch.values.size(); ++i) {
    const size_t column = i % batch.columns.size();
    if (column >= key_columns && batch.columns[column].type != Type::kInt) {
      return BatchError(batch, "only integers can be added");
    }
    if (batch.values[i].is_null()) {
      return BatchError(batch, "a NULL can be neither a key nor added");
    }
  }
  return absl::OkStatus();
}

}  // namespace quotaplane::sql
