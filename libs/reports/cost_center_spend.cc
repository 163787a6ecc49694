#include "libs/reports/cost_center_spend.h"

#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/reports/reports.h"
#include "libs/reports/statement.h"

namespace quotaplane::reports {
namespace {

constexpr sql::Statement kLastClose{
    "last_close",
    "SELECT month, time_zone FROM statement_closes WHERE org = $1 ORDER BY month DESC LIMIT 1"};

absl::StatusOr<std::map<std::string, int64_t>> SpendOf(sql::Database& ledger,
                                                       const std::string& org, const Range& month,
                                                       absl::TimeZone zone) {
  UsageQuery query;
  query.selection.org = org;
  query.selection.range = month;
  query.zone = zone;
  query.group_by = {{Field::kCostCenter, ""}};
  QP_ASSIGN_OR_RETURN(const UsageReport report, QueryUsage(ledger, query));
  std::map<std::string, int64_t> spend;
  for (const UsageRow& row : report.rows) spend[row.group.front()] = row.measures.cost_nano_usd;
  return spend;
}

}  // namespace

absl::StatusOr<CostCenterSpend> ReadCostCenterSpend(sql::Database& ledger, const std::string& org,
                                                    int64_t now_us) {
  CostCenterSpend spend;
  absl::TimeZone zone = absl::UTCTimeZone();
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, ledger.Query(kLastClose, {org}));
  if (!rows.empty()) {
    std::string name;
    QP_RETURN_IF_ERROR(rows[0].Read(spend.closed_month, name));
    if (!absl::LoadTimeZone(name, &zone)) zone = absl::UTCTimeZone();
  }
  const absl::CivilMonth present(absl::ToCivilSecond(absl::FromUnixMicros(now_us), zone));
  QP_ASSIGN_OR_RETURN(spend.open, SpendOf(ledger, org, MonthRange(present, zone), zone));
  const std::optional<absl::CivilMonth> closed = ParseMonthName(spend.closed_month);
  if (!closed.has_value()) return spend;
  auto of_closed = SpendOf(ledger, org, MonthRange(*closed, zone), zone);
  if (!of_closed.ok() && ReasonOf(of_closed.status()) != "DATA_DROPPED") return of_closed.status();
  if (of_closed.ok()) spend.closed = *std::move(of_closed);
  return spend;
}

}  // namespace quotaplane::reports
