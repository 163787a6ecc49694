#include "libs/reports/usage_sums.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/reports/kept.h"
#include "libs/reports/plan.h"
#include "libs/reports/selection_sql.h"
#include "libs/sql/errors.h"

namespace quotaplane::reports {
namespace {

// Of one statement: each is a range of an index, and three parameters.
constexpr size_t kMaxSlices = 500;
// A group has a row for each meter.
constexpr size_t kMaxSqlRows = 2 * kMaxSums;

absl::Status TooLarge() {
  return ReasonedError(absl::StatusCode::kResourceExhausted, "REPORT_TOO_LARGE",
                       absl::StrCat("the report has more than ", kMaxSums,
                                    " rows: group by less, filter more, or take longer periods"));
}

struct Source {
  std::string_view table;
  std::string_view time;
  std::string_view sums;  // quantity, cost, requests, overrun, denied
  std::string_view used;  // whether a row is more than refusals; empty where all are
};
constexpr std::string_view kRollupSums =
    "SUM(r.quantity), SUM(r.cost_nano_usd), SUM(r.requests), SUM(r.overrun_nano_usd), "
    "SUM(r.denied)";
constexpr std::string_view kRollupUsed =
    "(r.requests <> 0 OR r.cost_nano_usd <> 0 OR r.quantity <> 0 OR r.overrun_nano_usd <> 0)";
constexpr Source kDays = {"rollup_day", "bucket_us", kRollupSums, kRollupUsed};
constexpr Source kHours = {"rollup_hour", "bucket_us", kRollupSums, kRollupUsed};
constexpr Source kEntries = {
    "ledger_entries", "occurred_at_us",
    "SUM(r.quantity), SUM(r.cost_nano_usd), "
    "SUM(CASE WHEN r.line = 0 AND r.kind = 'usage' THEN 1 ELSE 0 END), SUM(r.overrun_nano_usd), 0",
    ""};
// What was refused is in no entry. It used no meter.
constexpr Source kRefusals = {
    "(SELECT org, occurred_at_us, cost_center, team, project, user_name, model, '' AS meter, "
    "api_key, labels, denied FROM ledger_refusals)",
    "occurred_at_us", "0, 0, 0, 0, SUM(r.denied)", ""};

enum class Rows { kAll, kUsed };

class Reader {
 public:
  Reader(sql::Session& session, const Selection& selection, const std::vector<Dimension>& group_by,
         Rows which)
      : session_(session), selection_(selection), group_by_(group_by), which_(which) {}

  absl::Status Read(const Source& source, std::span<const Slice> slices) {
    for (size_t at = 0; at < slices.size(); at += kMaxSlices) {
      const size_t count = std::min(kMaxSlices, slices.size() - at);
      QP_RETURN_IF_ERROR(ReadSlices(source, slices.subspan(at, count)));
    }
    return absl::OkStatus();
  }

  Sums Take() { return std::move(sums_); }

 private:
  // The slices are a table of their own, so that one statement adds up many periods. CROSS JOIN, in
  // this order, is SQLite's word for: for each slice, look up the index.
  absl::Status ReadSlices(const Source& source, std::span<const Slice> slices) {
    Parameters parameters;
    const std::string org = parameters.Add(std::string_view(selection_.org));
    std::string sql = "WITH slice(period, low, high) AS (VALUES ";
    for (const Slice& slice : slices) {
      absl::StrAppend(&sql, &slice == slices.data() ? "(" : ", (", parameters.Add(slice.period),
                      ", ", parameters.Add(slice.range.from_us), ", ",
                      parameters.Add(slice.range.to_us), ")");
    }
    std::vector<std::string> columns = {"slice.period"};
    for (const Dimension& dimension : group_by_) {
      columns.push_back(ValueSql(dimension, session_.dialect(), &parameters));
    }
    columns.emplace_back("r.meter");
    std::vector<std::string> keys;
    for (size_t i = 1; i <= columns.size(); ++i) keys.push_back(absl::StrCat(i));
    const std::string time = absl::StrCat("r.", AbslView(source.time));
    absl::StrAppend(&sql, ") SELECT ", absl::StrJoin(columns, ", "), ", ", AbslView(source.sums),
                    " FROM slice CROSS JOIN ", AbslView(source.table), " AS r WHERE r.org = ", org);
    absl::StrAppend(&sql, " AND ", time, " >= slice.low AND ", time, " < slice.high",
                    OuterBounds(time, slices, &parameters), UsedSql(source),
                    FilterSql(selection_.filters, session_.dialect(), &parameters), " GROUP BY ",
                    absl::StrJoin(keys, ", "));
    const auto rows = session_.Query({"usage", sql}, parameters.values(), kMaxSqlRows);
    if (absl::IsResourceExhausted(rows.status()) && sql::SqlStateOf(rows.status()).empty()) {
      return TooLarge();
    }
    QP_RETURN_IF_ERROR(rows.status());
    for (size_t i = 0; i < rows->size(); ++i) QP_RETURN_IF_ERROR(AddRow((*rows)[i]));
    return absl::OkStatus();
  }

  std::string UsedSql(const Source& source) const {
    if (which_ == Rows::kAll || source.used.empty()) return "";
    return absl::StrCat(" AND ", AbslView(source.used));
  }

  // The outermost bounds once more, as constants, lets PostgreSQL leave out other months'
  // partitions. SQLite would look up the index by them, and go through all of it for each slice.
  std::string OuterBounds(const std::string& time, std::span<const Slice> slices,
                          Parameters* parameters) const {
    if (session_.dialect() != sql::Dialect::kPostgres) return "";
    return absl::StrCat(" AND ", time, " >= ", parameters->Add(slices.front().range.from_us),
                        " AND ", time, " < ", parameters->Add(slices.back().range.to_us));
  }

  absl::Status AddRow(const sql::Row& row) {
    const size_t groups = group_by_.size();
    std::vector<std::string> group;
    group.reserve(groups);
    for (size_t i = 1; i <= groups; ++i) group.emplace_back(row[i].text());
    Measures& sum = sums_[{row[0].integer(), std::move(group)}];
    if (sums_.size() > kMaxSums) return TooLarge();
    Measures added;
    added.cost_nano_usd = row[groups + 3].integer();
    added.requests = row[groups + 4].integer();
    added.overrun_nano_usd = row[groups + 5].integer();
    added.denied = row[groups + 6].integer();
    QP_RETURN_IF_ERROR(added.AddQuantity(row[groups + 1].text(), row[groups + 2].integer()));
    return sum.Add(added);
  }

  sql::Session& session_;
  const Selection& selection_;
  const std::vector<Dimension>& group_by_;
  const Rows which_;
  Sums sums_;
};

bool NeedsEntries(const Selection& selection, const std::vector<Dimension>& group_by) {
  return !std::all_of(group_by.begin(), group_by.end(), InRollups) ||
         !std::all_of(selection.filters.begin(), selection.filters.end(),
                      [](const Filter& filter) { return InRollups(filter.dimension); });
}

absl::StatusOr<Sums> Read(sql::Session& session, const Selection& selection,
                          const std::vector<Dimension>& group_by, const std::vector<Range>& periods,
                          Rows which) {
  const Plan plan = PlanOf(periods, NeedsEntries(selection, group_by));
  QP_RETURN_IF_ERROR(CheckKept(session, plan));
  Reader reader(session, selection, group_by, which);
  QP_RETURN_IF_ERROR(reader.Read(kDays, plan.days));
  QP_RETURN_IF_ERROR(reader.Read(kHours, plan.hours));
  QP_RETURN_IF_ERROR(reader.Read(kEntries, plan.entries));
  if (which == Rows::kAll) QP_RETURN_IF_ERROR(reader.Read(kRefusals, plan.entries));
  return reader.Take();
}

}  // namespace

absl::StatusOr<Sums> ReadSums(sql::Session& session, const Selection& selection,
                              const std::vector<Dimension>& group_by,
                              const std::vector<Range>& periods) {
  return Read(session, selection, group_by, periods, Rows::kAll);
}

absl::StatusOr<Sums> ReadUsedSums(sql::Session& session, const Selection& selection,
                                  const std::vector<Dimension>& group_by,
                                  const std::vector<Range>& periods) {
  return Read(session, selection, group_by, periods, Rows::kUsed);
}

}  // namespace quotaplane::reports
