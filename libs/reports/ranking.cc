#include "libs/reports/ranking.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "libs/base/status_macros.h"

namespace quotaplane::reports {
namespace {

using Group = std::vector<std::string>;

absl::StatusOr<int64_t> KeyOf(const Measures& measures, const Order& order) {
  switch (order.by) {
    case Order::By::kCost:
      return measures.cost_nano_usd;
    case Order::By::kRequests:
      return measures.requests;
    case Order::By::kDenied:
      return measures.denied;
    case Order::By::kOverrun:
      return measures.overrun_nano_usd;
    case Order::By::kTokens:
      return measures.Tokens();
    case Order::By::kQuantity:
      return measures.Quantity(order.meter);
    case Order::By::kGroup:
      break;
  }
  return 0;
}

// Whether the one with key `a` and group `a_group` comes first.
bool Before(int64_t a, const Group& a_group, int64_t b, const Group& b_group, const Order& order) {
  if (order.by == Order::By::kGroup) {
    return order.descending ? b_group < a_group : a_group < b_group;
  }
  if (a != b) return order.descending ? a > b : a < b;
  return a_group < b_group;
}

absl::StatusOr<std::set<Group>> FirstGroups(const Sums& sums, const Order& order, size_t top) {
  std::map<Group, Measures> totals;
  for (const auto& [key, measures] : sums) QP_RETURN_IF_ERROR(totals[key.second].Add(measures));
  std::vector<std::pair<int64_t, const Group*>> ranked;
  for (const auto& [group, total] : totals) {
    QP_ASSIGN_OR_RETURN(const int64_t key, KeyOf(total, order));
    ranked.emplace_back(key, &group);
  }
  std::sort(ranked.begin(), ranked.end(), [&](const auto& a, const auto& b) {
    return Before(a.first, *a.second, b.first, *b.second, order);
  });
  std::set<Group> first;
  for (size_t i = 0; i < std::min(top, ranked.size()); ++i) first.insert(*ranked[i].second);
  return first;
}

// Each period's groups that are not among the first become one row.
absl::StatusOr<std::vector<UsageRow>> Fold(Sums sums, const std::vector<Range>& periods,
                                           const std::set<Group>* first) {
  std::vector<UsageRow> rows;
  std::map<int64_t, Measures> others;
  for (auto& [key, measures] : sums) {
    if (first != nullptr && !first->contains(key.second)) {
      QP_RETURN_IF_ERROR(others[key.first].Add(measures));
    } else {
      rows.push_back({periods[key.first], key.second, false, std::move(measures)});
    }
  }
  for (auto& [period, measures] : others) {
    rows.push_back({periods[period], {}, true, std::move(measures)});
  }
  return rows;
}

}  // namespace

absl::StatusOr<UsageReport> Rank(Sums sums, const std::vector<Range>& periods, const Order& order,
                                 int top) {
  UsageReport report;
  for (const auto& [key, measures] : sums) QP_RETURN_IF_ERROR(report.total.Add(measures));
  std::set<Group> first;
  if (top > 0) {
    QP_ASSIGN_OR_RETURN(first, FirstGroups(sums, order, top));
  }
  QP_ASSIGN_OR_RETURN(std::vector<UsageRow> rows,
                      Fold(std::move(sums), periods, top > 0 ? &first : nullptr));
  std::vector<std::pair<int64_t, UsageRow*>> ordered;
  for (UsageRow& row : rows) {
    QP_ASSIGN_OR_RETURN(const int64_t key, KeyOf(row.measures, order));
    ordered.emplace_back(key, &row);
  }
  std::sort(ordered.begin(), ordered.end(), [&](const auto& a, const auto& b) {
    const auto rank = [](const UsageRow& row) {
      return std::tuple(row.period.from_us, row.others);
    };
    if (rank(*a.second) != rank(*b.second)) return rank(*a.second) < rank(*b.second);
    return Before(a.first, a.second->group, b.first, b.second->group, order);
  });
  for (const auto& [key, row] : ordered) report.rows.push_back(std::move(*row));
  return report;
}

}  // namespace quotaplane::reports
