// Values in PostgreSQL's binary form: exact, and without quoting. The types' numbers are those of
// its catalogue (pg_type.dat), which never change.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/sql/database.h"

namespace quotaplane::sql {

// The parameters of one call, in the arrays that libpq takes.
class PostgresParameters {
 public:
  // Views of `values` until the call is done.
  static PostgresParameters Of(absl::Span<const Value> values);
  // One array per column, for unnest. Copies.
  static PostgresParameters Arrays(const Batch& batch);

  int size() const { return static_cast<int>(types_.size()); }
  const unsigned* types() const { return types_.data(); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }
  // What tells prepared statements of the same text apart.
  std::string_view signature() const {
    return {reinterpret_cast<const char*>(types_.data()), types_.size() * sizeof(unsigned)};
  }

 private:
  void Add(unsigned type, std::string_view data);

  std::vector<unsigned> types_;
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;  // 1: binary
  std::vector<std::array<char, 8>> numbers_;
  std::vector<std::string> arrays_;
};

// One cell of a result, `data` being its binary form and not NULL. Text and bytes are views of
// `data`. OUT_OF_RANGE, INVALID_ARGUMENT: as database.h says about types.
absl::Status DecodePostgres(unsigned type, std::string_view data, Value* value);

}  // namespace quotaplane::sql
