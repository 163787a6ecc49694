#include "libs/reports/statement_source.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/reports/periods.h"
#include "libs/reports/usage_sums.h"

namespace quotaplane::reports {
namespace {

const Dimension kCostCenter = {Field::kCostCenter, ""};
const Dimension kTeam = {Field::kTeam, ""};
const Dimension kProject = {Field::kProject, ""};
const Dimension kUser = {Field::kUser, ""};
const Dimension kModel = {Field::kModel, ""};
const Dimension kMeter = {Field::kMeter, ""};

// For each portion of a stream. Re-rating a month may leave as many corrections as it had entries.
constexpr absl::Duration kPortionTimeout = absl::Minutes(2);

constexpr char kCorrections[] =
    "SELECT r.cost_center, r.team, r.project, r.model, r.meter, r.quantity, r.cost_nano_usd, "
    "r.overrun_nano_usd, r.occurred_at_us, r.corrected_at_us FROM ledger_entries AS r WHERE "
    "r.org = $1 AND r.occurred_at_us >= $2 AND r.occurred_at_us < $3 AND r.kind = 'correction'";

struct Correction {
  std::string cost_center, team, project, model, meter;
  Amounts amounts;
  int64_t at_us = 0;
  int64_t corrected_at_us = 0;  // when that was charged which it corrects
};

template <typename Take>
absl::Status ForEachCorrection(sql::Session& session, const std::string& org, const Range& range,
                               Take take) {
  return session.Stream({"corrections", kCorrections, kPortionTimeout},
                        {org, range.from_us, range.to_us}, [&](const sql::Row& row) {
                          Correction each;
                          QP_RETURN_IF_ERROR(row.Read(
                              each.cost_center, each.team, each.project, each.model, each.meter,
                              each.amounts.quantity, each.amounts.cost_nano_usd,
                              each.amounts.overrun_nano_usd, each.at_us, each.corrected_at_us));
                          return take(each);
                        });
}

absl::Status TooManyLines() {
  return ReasonedError(absl::StatusCode::kResourceExhausted, "REPORT_TOO_LARGE",
                       absl::StrCat("a month has more than ", kMaxSums, " lines of corrections"));
}

// Adds to each cost center's days what each of its groups, named by the second dimension, cost.
absl::Status AddDays(sql::Session& session, const Selection& selection, const Dimension& by,
                     const std::vector<Range>& days, absl::TimeZone zone,
                     DayCosts CenterUsage::*costs, std::map<std::string, CenterUsage>* usage) {
  QP_ASSIGN_OR_RETURN(const Sums sums, ReadUsedSums(session, selection, {kCostCenter, by}, days));
  for (const auto& [key, measures] : sums) {
    const auto& [period, group] = key;
    const absl::CivilDay day =
        absl::ToCivilDay(absl::FromUnixMicros(days[static_cast<size_t>(period)].from_us), zone);
    ((*usage)[group[0]].*costs)[{absl::FormatCivilTime(day), group[1]}] = measures.cost_nano_usd;
  }
  return absl::OkStatus();
}

// Corrections are in the sums, on the day on which they were made.
absl::Status TakeOut(const Correction& correction, absl::TimeZone zone, CenterUsage* usage) {
  const std::string day =
      absl::FormatCivilTime(absl::ToCivilDay(absl::FromUnixMicros(correction.at_us), zone));
  for (auto* cost :
       {&usage->by_team[{day, correction.team}], &usage->by_model[{day, correction.model}]}) {
    QP_ASSIGN_OR_RETURN(*cost, Minus(*cost, correction.amounts.cost_nano_usd));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckMonthKept(const KeptFrom& kept, absl::CivilMonth month, absl::TimeZone zone) {
  Plan plan = PlanOf({MonthRange(month, zone)}, /*entries_only=*/false);
  plan.entries = {{0, MonthRange(month, zone)}};
  return CheckKept(kept, plan);
}

absl::StatusOr<CenterLines> ReadMonthLines(sql::Session& session, const std::string& org,
                                           absl::CivilMonth month, absl::TimeZone zone) {
  const Range range = MonthRange(month, zone);
  const std::string name = MonthName(month);
  QP_ASSIGN_OR_RETURN(const Sums sums,
                      ReadUsedSums(session, {org, range, {}},
                                   {kCostCenter, kTeam, kProject, kModel, kMeter}, {range}));
  CenterLines lines;
  for (const auto& [key, measures] : sums) {
    const std::vector<std::string>& group = key.second;
    const LineKey line = {LineKind::kUsage, name, "", group[1], group[2], group[3], group[4]};
    lines[group[0]][line] = {measures.Quantity(group[4]), measures.cost_nano_usd, measures.requests,
                             measures.overrun_nano_usd};
  }
  size_t corrected = 0;
  QP_RETURN_IF_ERROR(
      ForEachCorrection(session, org, range, [&](const Correction& each) -> absl::Status {
        LineKey key = {LineKind::kUsage, name, "", each.team, each.project, each.model, each.meter};
        Lines& center = lines[each.cost_center];
        QP_RETURN_IF_ERROR(center[key].Subtract(each.amounts));
        key.kind = LineKind::kCorrection;
        key.corrects_month = MonthName(MonthAt(each.corrected_at_us, zone));
        const auto [found, is_new] = center.try_emplace(std::move(key));
        if (is_new && ++corrected > kMaxSums) return TooManyLines();
        return found->second.Add(each.amounts);
      }));
  for (auto& [center, its] : lines) {
    std::erase_if(its, [](const auto& line) { return line.second.zero(); });
  }
  std::erase_if(lines, [](const auto& center) { return center.second.empty(); });
  return lines;
}

absl::Status AddMonthDetails(sql::Session& session, const std::string& org, absl::CivilMonth month,
                             absl::TimeZone zone, std::map<std::string, CenterUsage>* usage) {
  const Range range = MonthRange(month, zone);
  const Selection selection = {org, range, {}};
  QP_ASSIGN_OR_RETURN(const Sums users,
                      ReadUsedSums(session, selection, {kCostCenter, kUser}, {range}));
  for (const auto& [key, measures] : users) {
    if (!key.second[1].empty() && measures.requests > 0) ++(*usage)[key.second[0]].active_users;
  }
  QP_ASSIGN_OR_RETURN(const std::vector<Range> days, PeriodsOf(range, Granularity::kDay, zone));
  QP_RETURN_IF_ERROR(AddDays(session, selection, kTeam, days, zone, &CenterUsage::by_team, usage));
  QP_RETURN_IF_ERROR(
      AddDays(session, selection, kModel, days, zone, &CenterUsage::by_model, usage));
  QP_RETURN_IF_ERROR(ForEachCorrection(session, org, range, [&](const Correction& each) {
    return TakeOut(each, zone, &(*usage)[each.cost_center]);
  }));
  std::erase_if(*usage, [](const auto& center) { return center.second.lines.empty(); });
  for (auto& [center, its] : *usage) {
    for (DayCosts* days_of : {&its.by_team, &its.by_model}) {
      std::erase_if(*days_of, [](const auto& day) { return day.second == 0; });
    }
  }
  return absl::OkStatus();
}

}  // namespace quotaplane::reports
