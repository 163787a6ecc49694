#include "libs/reports/reports.h"

#include <memory>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/reports/periods.h"
#include "libs/reports/ranking.h"
#include "libs/reports/usage_sums.h"

namespace quotaplane::reports {
namespace {

constexpr sql::TransactionOptions kSnapshot = {sql::Isolation::kRepeatableRead, /*read_only=*/true};

}  // namespace

absl::StatusOr<UsageReport> QueryUsage(sql::Database& ledger, const UsageQuery& query) {
  const Selection& selection = query.selection;
  QP_ASSIGN_OR_RETURN(const std::vector<Range> periods,
                      PeriodsOf(selection.range, query.granularity, query.zone));
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> snapshot, ledger.Begin(kSnapshot));
  QP_ASSIGN_OR_RETURN(Sums sums, ReadSums(*snapshot, selection, query.group_by, periods));
  return Rank(std::move(sums), periods, query.order, query.top);
}

absl::StatusOr<ComparisonReport> ComparePeriods(sql::Database& ledger, const Selection& selection,
                                                const Range& base,
                                                const std::vector<Dimension>& group_by,
                                                size_t top) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> snapshot, ledger.Begin(kSnapshot));
  Selection before = selection;
  before.range = base;
  QP_ASSIGN_OR_RETURN(const Sums first, ReadSums(*snapshot, before, group_by, {base}));
  QP_ASSIGN_OR_RETURN(const Sums second,
                      ReadSums(*snapshot, selection, group_by, {selection.range}));
  return Compare(first, second, top);
}

}  // namespace quotaplane::reports
