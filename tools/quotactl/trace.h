// Reads a trace of model calls: CSV with the columns TIMESTAMP, ContextTokens and GeneratedTokens,
// found by their names; others are ignored. Lines end in CR LF or LF; the last one may lack its
// end. Strict: a file with a line that is not understood is refused whole, with "FILE:LINE: what is
// wrong".
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace quotaplane::quotactl {

struct TraceRow {
  int64_t line = 0;  // in the file, from 1; the header is a line too
  int64_t context_tokens = 0;
  int64_t generated_tokens = 0;
};

// Not thread-safe.
class TraceReader {
 public:
  static constexpr size_t kMaxLineBytes = 4096;

  // `in` must outlive the reader. `name` stands for the file in messages.
  TraceReader(std::istream& in, std::string name) : in_(in), name_(std::move(name)) {}

  // Must come first, once.
  absl::Status ReadHeader();
  // True with the next row, false at the end.
  absl::StatusOr<bool> Next(TraceRow* row);

 private:
  // True with the next line, without its end; false at the end of the file.
  absl::StatusOr<bool> NextLine();
  absl::Status Error(const std::string& what) const;
  absl::StatusOr<int64_t> Tokens(size_t column, const char* name) const;

  std::istream& in_;
  const std::string name_;
  int64_t line_ = 0;
  std::vector<char> buffer_ = std::vector<char>(kMaxLineBytes + 2);
  std::vector<std::string_view> fields_;  // into buffer_
  size_t columns_ = 0, timestamp_ = 0, context_ = 0, generated_ = 0;
};

struct TraceSummary {
  int64_t rows = 0;
};

// Reads the whole file and checks every line, and that the sums of tokens fit. NOT_FOUND if it
// cannot be opened.
absl::StatusOr<TraceSummary> CheckTrace(const std::string& path);

}  // namespace quotaplane::quotactl
