#include "libs/reports/statement_groups.h"

#include <algorithm>
#include <map>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/reports/measures.h"

namespace quotaplane::reports {
namespace {

absl::Status Add(int64_t value, int64_t* sum) {
  QP_ASSIGN_OR_RETURN(*sum, Plus(*sum, value));
  return absl::OkStatus();
}

std::vector<std::string> DaysOf(absl::CivilMonth month) {
  std::vector<std::string> days;
  for (absl::CivilDay day(month); day < absl::CivilDay(month + 1); ++day) {
    days.push_back(absl::FormatCivilTime(day));
  }
  return days;
}

}  // namespace

absl::StatusOr<std::vector<GroupSum>> GroupUsage(const Lines& lines, std::string LineKey::*by,
                                                 size_t most) {
  std::map<std::string, GroupSum> sums;
  for (const auto& [key, amounts] : lines) {
    if (key.kind != LineKind::kUsage) continue;
    GroupSum& sum = sums[key.*by];
    sum.name = key.*by;
    QP_RETURN_IF_ERROR(Add(amounts.cost_nano_usd, &sum.cost_nano_usd));
    QP_RETURN_IF_ERROR(Add(amounts.requests, &sum.requests));
    if (IsTokenMeter(key.meter)) QP_RETURN_IF_ERROR(Add(amounts.quantity, &sum.tokens));
  }
  std::vector<GroupSum> groups;
  for (auto& [name, sum] : sums) groups.push_back(std::move(sum));
  std::stable_sort(groups.begin(), groups.end(), [](const GroupSum& a, const GroupSum& b) {
    return a.cost_nano_usd > b.cost_nano_usd;
  });
  if (groups.size() <= most + 1) return groups;
  GroupSum others;
  others.groups = static_cast<int64_t>(groups.size() - most);
  for (size_t i = most; i < groups.size(); ++i) {
    QP_RETURN_IF_ERROR(Add(groups[i].cost_nano_usd, &others.cost_nano_usd));
    QP_RETURN_IF_ERROR(Add(groups[i].requests, &others.requests));
    QP_RETURN_IF_ERROR(Add(groups[i].tokens, &others.tokens));
  }
  groups.resize(most);
  groups.push_back(std::move(others));
  return groups;
}

absl::StatusOr<DaySeries> SeriesOf(const DayCosts& days, const std::string& month, size_t most) {
  DaySeries series;
  const std::optional<absl::CivilMonth> parsed = ParseMonthName(month);
  if (parsed.has_value()) series.days = DaysOf(*parsed);
  std::map<std::string, int64_t> sums;
  for (const auto& [key, cost] : days) {
    QP_RETURN_IF_ERROR(Add(std::max<int64_t>(cost, 0), &sums[key.second]));
  }
  std::vector<std::pair<std::string, int64_t>> order(sums.begin(), sums.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  series.others = order.size() > most + 1;
  std::map<std::string, size_t> place;
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t at = series.others ? std::min(i, most) : i;
    place[order[i].first] = at;
    if (at < series.names.size()) continue;
    series.names.push_back(series.others && at == most ? "" : order[i].first);
  }
  series.costs.assign(series.names.size(), std::vector<int64_t>(series.days.size()));
  for (const auto& [key, cost] : days) {
    const auto day = std::lower_bound(series.days.begin(), series.days.end(), key.first);
    if (day == series.days.end() || *day != key.first) continue;
    QP_RETURN_IF_ERROR(
        Add(std::max<int64_t>(cost, 0),
            &series.costs[place[key.second]][static_cast<size_t>(day - series.days.begin())]));
  }
  return series;
}

}  // namespace quotaplane::reports
