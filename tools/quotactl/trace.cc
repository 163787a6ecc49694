#include "tools/quotactl/trace.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/money/money.h"

namespace quotaplane::quotactl {
namespace {

// What the public API takes for one meter.
constexpr int64_t kMaxTokens = (int64_t{1} << 53) - 1;

void Split(std::string_view line, std::vector<std::string_view>* fields) {
  fields->clear();
  while (true) {
    const size_t comma = line.find(',');
    fields->push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return;
    line.remove_prefix(comma + 1);
  }
}

}  // namespace

absl::Status TraceReader::Error(const std::string& what) const {
  return absl::FailedPreconditionError(absl::StrCat(name_, ":", line_, ": ", what));
}

absl::StatusOr<bool> TraceReader::NextLine() {
  in_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  // Where the last line lacks its end, eof is set but characters were read.
  size_t length = static_cast<size_t>(in_.gcount());
  if (in_.bad()) return Error("cannot be read any further");
  if (length == 0 && in_.eof()) return false;
  ++line_;
  if (in_.fail()) return Error(absl::StrCat("longer than ", kMaxLineBytes, " bytes"));
  if (!in_.eof()) --length;  // gcount counts the line feed
  std::string_view line(buffer_.data(), length);
  if (line.ends_with('\r')) line.remove_suffix(1);
  Split(line, &fields_);
  return true;
}

absl::Status TraceReader::ReadHeader() {
  QP_ASSIGN_OR_RETURN(const bool any, NextLine());
  if (!any) {
    return absl::FailedPreconditionError(absl::StrCat(name_, ": empty; a header was expected"));
  }
  const auto find = [&](std::string_view title, size_t* column) -> absl::Status {
    const auto at = std::find(fields_.begin(), fields_.end(), title);
    if (at == fields_.end() || std::find(at + 1, fields_.end(), title) != fields_.end()) {
      return Error(absl::StrCat("the header must name the column ", AbslView(title), " once"));
    }
    *column = static_cast<size_t>(at - fields_.begin());
    return absl::OkStatus();
  };
  QP_RETURN_IF_ERROR(find("TIMESTAMP", &timestamp_));
  QP_RETURN_IF_ERROR(find("ContextTokens", &context_));
  QP_RETURN_IF_ERROR(find("GeneratedTokens", &generated_));
  columns_ = fields_.size();
  return absl::OkStatus();
}

absl::StatusOr<int64_t> TraceReader::Tokens(size_t column, const char* name) const {
  const std::string_view text = fields_[column];
  int64_t tokens;
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(AbslView(text), &tokens) || tokens > kMaxTokens) {
    return Error(absl::StrCat(name, " is \"", AbslView(text),
                              "\"; a whole number from 0 to 2^53-1 was expected"));
  }
  return tokens;
}

absl::StatusOr<bool> TraceReader::Next(TraceRow* row) {
  QP_ASSIGN_OR_RETURN(const bool any, NextLine());
  if (!any) return false;
  if (fields_.size() != columns_) {
    return Error(absl::StrCat(fields_.size(), " fields; the header has ", columns_));
  }
  absl::Time time;
  std::string ignored;
  if (!absl::ParseTime("%Y-%m-%d %H:%M:%E*S", AbslView(fields_[timestamp_]), &time, &ignored)) {
    return Error(absl::StrCat("TIMESTAMP is \"", AbslView(fields_[timestamp_]),
                              "\"; a time such as 2023-11-16 18:17:03.9799600 was expected"));
  }
  row->line = line_;
  QP_ASSIGN_OR_RETURN(row->context_tokens, Tokens(context_, "ContextTokens"));
  QP_ASSIGN_OR_RETURN(row->generated_tokens, Tokens(generated_, "GeneratedTokens"));
  return true;
}

absl::StatusOr<TraceSummary> CheckTrace(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  TraceReader reader(file, path);
  QP_RETURN_IF_ERROR(reader.ReadHeader());
  TraceSummary summary;
  int64_t tokens = 0;
  TraceRow row;
  while (true) {
    QP_ASSIGN_OR_RETURN(const bool more, reader.Next(&row));
    if (!more) return summary;
    ++summary.rows;
    const auto sum = CheckedAdd(tokens, row.context_tokens + row.generated_tokens);
    if (!sum.has_value()) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ":", row.line, ": the file's tokens add up to more than 2^63-1"));
    }
    tokens = *sum;
  }
}

}  // namespace quotaplane::quotactl
