#include "libs/sql/value.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace quotaplane::sql {

uint32_t Value::Size(std::string_view view) {
  // Neither database takes a gigabyte in one value.
  if (view.size() > UINT32_MAX) std::abort();
  return static_cast<uint32_t>(view.size());
}

bool operator==(const Value& a, const Value& b) { return !(a < b) && !(b < a); }

bool operator<(const Value& a, const Value& b) {
  if (a.null_ || b.null_) return a.null_ && !b.null_;
  if (a.type_ != b.type_) return a.type_ < b.type_;
  if (a.type_ == Type::kInt) return a.int_ < b.int_;
  if (a.type_ == Type::kDouble) return a.double_ < b.double_;
  return a.view() < b.view();
}

bool Row::Assign(const Value& value, int64_t& target) {
  target = value.integer();
  return !value.is_null() && value.type() == Type::kInt;
}

bool Row::Assign(const Value& value, double& target) {
  target = value.number();
  return !value.is_null() && value.type() == Type::kDouble;
}

bool Row::Assign(const Value& value, std::string_view& target) {
  target = value.text();
  return !value.is_null() && value.type() == Type::kText;
}

bool Row::Assign(const Value& value, std::string& target) {
  target = value.text();
  return !value.is_null() && value.type() == Type::kText;
}

bool Row::Assign(const Value& value, Bytes& target) {
  target = Bytes{value.bytes()};
  return !value.is_null() && value.type() == Type::kBytes;
}

absl::Status Row::WrongCount(size_t wanted) const {
  return absl::InternalError(
      absl::StrCat("a row has ", size(), " columns where ", wanted, " were expected"));
}

absl::Status Row::WrongType(size_t column) const {
  return absl::InternalError(absl::StrCat("column ", column + 1, " of a row ",
                                          values_[column].is_null()
                                              ? "is NULL where that was not expected"
                                              : "is of another type than expected"));
}

std::string_view Rows::Keep(std::string_view data) {
  if (data.empty()) return {};
  if (blocks_.empty() || blocks_.back().capacity() - blocks_.back().size() < data.size()) {
    // reserve() never gives less than the small string's room, which would move with the vector.
    blocks_.emplace_back().reserve(std::max(kBlockBytes, data.size()));
  }
  std::string& block = blocks_.back();
  const size_t start = block.size();
  block.append(data);
  return std::string_view(block).substr(start);
}

void Rows::Add(const Row& row) {
  columns_ = row.size();
  for (size_t i = 0; i < row.size(); ++i) {
    const Value& value = row[i];
    if (value.is_null()) {
      values_.emplace_back(nullptr);
    } else if (value.type() == Type::kText) {
      values_.emplace_back(Keep(value.text()));
    } else if (value.type() == Type::kBytes) {
      values_.emplace_back(Bytes{Keep(value.bytes())});
    } else {
      values_.push_back(value);
    }
  }
}

}  // namespace quotaplane::sql
