#include "libs/reports/statement_late.h"

#include <algorithm>
#include <utility>

#include "libs/base/status_macros.h"

namespace quotaplane::reports {
namespace {

bool Shrunk(const LineKey& key, const Amounts& left) {
  return key.kind == LineKind::kUsage && (left.quantity < 0 || left.cost_nano_usd < 0 ||
                                          left.requests < 0 || left.overrun_nano_usd < 0);
}

}  // namespace

absl::StatusOr<CenterLines> Owed(CenterLines ledger, const CenterLines& billed) {
  for (const auto& [center, lines] : billed) {
    for (const auto& [key, amounts] : lines) {
      QP_RETURN_IF_ERROR(ledger[center][key].Subtract(amounts));
    }
  }
  CenterLines owed;
  for (auto& [center, lines] : ledger) {
    for (const auto& [key, left] : lines) {
      if (Shrunk(key, left)) return CenterLines();
      if (left.zero()) continue;
      LineKey late = key;
      if (late.kind == LineKind::kUsage) late.kind = LineKind::kLate;
      owed[center][std::move(late)] = left;
    }
  }
  return owed;
}

absl::Status AddLateLines(sql::Session& session, const KeptFrom& kept, const std::string& org,
                          absl::CivilMonth month, absl::TimeZone zone,
                          const std::vector<Close>& closes,
                          std::map<std::string, CenterUsage>* usage) {
  const absl::CivilMonth first = *ParseMonthName(closes.front().month);
  const absl::CivilMonth last = *ParseMonthName(closes.back().month);
  for (absl::CivilMonth at = std::max(first, month - kLookBackMonths); at <= last; ++at) {
    if (!CheckMonthKept(kept, at, zone).ok()) continue;
    QP_ASSIGN_OR_RETURN(CenterLines ledger, ReadMonthLines(session, org, at, zone));
    QP_ASSIGN_OR_RETURN(const CenterLines billed, ReadBilled(session, org, MonthName(at)));
    QP_ASSIGN_OR_RETURN(const CenterLines owed, Owed(std::move(ledger), billed));
    for (const auto& [center, lines] : owed) {
      (*usage)[center].lines.insert(lines.begin(), lines.end());
    }
  }
  return absl::OkStatus();
}

}  // namespace quotaplane::reports
