// The SQL that a report's selection and dimensions become.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "libs/reports/query.h"
#include "libs/sql/database.h"

namespace quotaplane::reports {

// Collects parameters while a statement is written.
class Parameters {
 public:
  // "$1", "$2", …
  std::string Add(sql::Value value);
  std::string AddText(std::string text);  // keeps it
  const std::vector<sql::Value>& values() const { return values_; }

 private:
  std::deque<std::string> kept_;  // does not move what it holds
  std::vector<sql::Value> values_;
};

// The value of a dimension in table `r`, as an expression of text, empty where there is none.
std::string ValueSql(const Dimension& dimension, sql::Dialect dialect, Parameters* parameters);

// " AND (…)" for each filter, over table `r`; empty where there are none. A filter without values
// and globs keeps nothing.
std::string FilterSql(const std::vector<Filter>& filters, sql::Dialect dialect,
                      Parameters* parameters);

// A glob as a pattern of LIKE with the escape character \.
std::string LikePattern(std::string_view glob);

}  // namespace quotaplane::reports
