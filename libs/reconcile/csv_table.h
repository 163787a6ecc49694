// CSV as RFC 4180 has it, and as programs write it: lines end in CR LF or LF, the last one may lack
// its end; quoted fields may hold commas, quotes and line ends; a byte order mark is passed over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace quotaplane::reconcile {

// Reads line by line. Not thread-safe.
class CsvTable {
 public:
  // `text` must outlive it.
  explicit CsvTable(std::string_view text);

  // True with the next record's fields, false at the end. Empty lines are passed over.
  // INVALID_ARGUMENT: a quote that is not closed, or one that stands in a field without quotes.
  absl::StatusOr<bool> Next(std::vector<std::string>* fields);
  // In the file, from 1, where the record that was read last begins.
  int64_t line() const { return line_; }

 private:
  absl::StatusOr<std::string> Quoted();
  absl::StatusOr<std::string> Plain();

  std::string_view rest_;
  int64_t line_ = 0;
  int64_t next_line_ = 1;
};

}  // namespace quotaplane::reconcile
