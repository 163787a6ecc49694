#include "libs/reports/compare.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "libs/base/status_macros.h"

namespace quotaplane::reports {
namespace {

absl::Status FillChanges(Comparison* row) {
  const Measures& base = row->base;
  const Measures& current = row->current;
  QP_ASSIGN_OR_RETURN(row->cost_change_nano_usd, Minus(current.cost_nano_usd, base.cost_nano_usd));
  QP_ASSIGN_OR_RETURN(row->requests_change, Minus(current.requests, base.requests));
  QP_ASSIGN_OR_RETURN(row->denied_change, Minus(current.denied, base.denied));
  row->cost_change_millionths = Millionths(row->cost_change_nano_usd, base.cost_nano_usd);
  return absl::OkStatus();
}

absl::Status AddTo(const Comparison& row, Comparison* sum) {
  QP_RETURN_IF_ERROR(sum->base.Add(row.base));
  return sum->current.Add(row.current);
}

uint64_t Size(int64_t change) {
  return change < 0 ? -static_cast<uint64_t>(change) : static_cast<uint64_t>(change);
}

}  // namespace

std::optional<int64_t> Millionths(int64_t part, int64_t whole) {
  if (whole == 0) return std::nullopt;
  // A share of a negative whole is measured by its size: a change upwards is positive.
  const __int128 size = whole < 0 ? -static_cast<__int128>(whole) : whole;
  const __int128 share = static_cast<__int128>(part) * 1'000'000 / size;
  using Limits = std::numeric_limits<int64_t>;
  return static_cast<int64_t>(std::clamp<__int128>(share, Limits::min(), Limits::max()));
}

absl::StatusOr<ComparisonReport> Compare(const Sums& base, const Sums& current, size_t top) {
  std::map<std::vector<std::string>, Comparison> groups;
  for (const auto& [key, measures] : base) {
    QP_RETURN_IF_ERROR(groups[key.second].base.Add(measures));
  }
  for (const auto& [key, measures] : current) {
    QP_RETURN_IF_ERROR(groups[key.second].current.Add(measures));
  }
  ComparisonReport report;
  for (auto& [group, row] : groups) {
    row.group = group;
    QP_RETURN_IF_ERROR(FillChanges(&row));
    QP_RETURN_IF_ERROR(AddTo(row, &report.total));
    report.rows.push_back(std::move(row));
  }
  QP_RETURN_IF_ERROR(FillChanges(&report.total));
  std::stable_sort(report.rows.begin(), report.rows.end(),
                   [](const Comparison& a, const Comparison& b) {
                     return Size(a.cost_change_nano_usd) > Size(b.cost_change_nano_usd);
                   });
  if (report.rows.size() > top) {
    Comparison others;
    others.others = true;
    for (size_t i = top; i < report.rows.size(); ++i) {
      QP_RETURN_IF_ERROR(AddTo(report.rows[i], &others));
    }
    QP_RETURN_IF_ERROR(FillChanges(&others));
    report.rows.resize(top);
    report.rows.push_back(std::move(others));
  }
  return report;
}

}  // namespace quotaplane::reports
