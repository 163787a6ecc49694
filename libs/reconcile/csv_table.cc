#include "libs/reconcile/csv_table.h"

#include <algorithm>

#include "libs/base/status_macros.h"

namespace quotaplane::reconcile {

CsvTable::CsvTable(std::string_view text) : rest_(text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
}

// What stands between the quotes; the first one is there.
absl::StatusOr<std::string> CsvTable::Quoted() {
  std::string field;
  rest_.remove_prefix(1);
  while (true) {
    const size_t quote = rest_.find('"');
    if (quote == std::string_view::npos) {
      return absl::InvalidArgumentError("a quote is opened here and never closed");
    }
    field.append(rest_.substr(0, quote));
    rest_.remove_prefix(quote + 1);
    if (!rest_.starts_with('"')) break;
    field.push_back('"');
    rest_.remove_prefix(1);
  }
  next_line_ += std::count(field.begin(), field.end(), '\n');
  if (!rest_.empty() && rest_.find_first_of(",\r\n") != 0) {
    return absl::InvalidArgumentError("text stands behind a closing quote; write \"\" for a quote");
  }
  return field;
}

absl::StatusOr<std::string> CsvTable::Plain() {
  const std::string_view field = rest_.substr(0, rest_.find_first_of(",\r\n"));
  if (field.find('"') != std::string_view::npos) {
    return absl::InvalidArgumentError("a quote stands in a field that does not begin with one");
  }
  rest_.remove_prefix(field.size());
  return std::string(field);
}

absl::StatusOr<bool> CsvTable::Next(std::vector<std::string>* fields) {
  while (!rest_.empty() && (rest_.front() == '\r' || rest_.front() == '\n')) {
    next_line_ += rest_.front() == '\n';
    rest_.remove_prefix(1);
  }
  if (rest_.empty()) return false;
  line_ = next_line_;
  fields->clear();
  while (true) {
    absl::StatusOr<std::string> field = rest_.starts_with('"') ? Quoted() : Plain();
    QP_RETURN_IF_ERROR(field.status());
    fields->push_back(*std::move(field));
    if (!rest_.starts_with(',')) return true;
    rest_.remove_prefix(1);
  }
}

}  // namespace quotaplane::reconcile
