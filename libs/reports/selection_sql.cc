#include "libs/reports/selection_sql.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/absl_view.h"

namespace quotaplane::reports {

std::string Parameters::Add(sql::Value value) {
  values_.push_back(value);
  return absl::StrCat("$", values_.size());
}

std::string Parameters::AddText(std::string text) {
  return Add(sql::Value(std::string_view(kept_.emplace_back(std::move(text)))));
}

std::string ValueSql(const Dimension& dimension, sql::Dialect dialect, Parameters* parameters) {
  if (dimension.field != Field::kLabel) {
    return absl::StrCat("r.", AbslView(ColumnOf(dimension.field)));
  }
  const std::string name = parameters->AddText(dimension.label);
  return dialect == sql::Dialect::kPostgres
             ? absl::StrCat("COALESCE(CAST(r.labels AS JSON) ->> ", name, ", '')")
             : absl::StrCat("COALESCE(r.labels ->> ", name, ", '')");
}

std::string LikePattern(std::string_view glob) {
  std::string pattern;
  for (const char c : glob) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c == '*' ? '%' : c == '?' ? '_' : c;
  }
  return pattern;
}

std::string FilterSql(const std::vector<Filter>& filters, sql::Dialect dialect,
                      Parameters* parameters) {
  std::string sql;
  for (const Filter& filter : filters) {
    if (filter.values.empty() && filter.globs.empty()) {
      sql += " AND 1 = 0";
      continue;
    }
    const std::string value = ValueSql(filter.dimension, dialect, parameters);
    std::vector<std::string> any;
    if (!filter.values.empty()) {
      std::vector<std::string> list;
      for (const std::string& each : filter.values) list.push_back(parameters->AddText(each));
      any.push_back(absl::StrCat(value, " IN (", absl::StrJoin(list, ", "), ")"));
    }
    for (const std::string& glob : filter.globs) {
      any.push_back(absl::StrCat("(", value, " <> '' AND ", value, " LIKE ",
                                 parameters->AddText(LikePattern(glob)), R"( ESCAPE '\'))"));
    }
    absl::StrAppend(&sql, " AND (", absl::StrJoin(any, " OR "), ")");
  }
  return sql;
}

}  // namespace quotaplane::reports
