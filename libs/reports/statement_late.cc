#include "libs/reports/statement_late.h"

#include <algorithm>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace quotaplane::reports {
namespace {

bool Shrunk(const LineKey& key, const Amounts& left) {
  return key.kind == LineKind::kUsage && (left.quantity < 0 || left.cost_nano_usd < 0 ||
                                          left.requests < 0 || left.overrun_nano_usd < 0);
}

// Once the ledger forgets a charge, it no longer knows in which month the charge was that a
// correction is of: what has been billed with the month would come once more without it, and be
// taken back with it. Corrections that add up to nothing whatever they correct are left out.
absl::Status DropMoved(Lines* lines) {
  std::map<LineKey, Amounts> sums;
  const auto without_month = [](LineKey key) {
    key.corrects_month.clear();
    return key;
  };
  for (const auto& [key, amounts] : *lines) {
    if (key.kind == LineKind::kCorrection) {
      QP_RETURN_IF_ERROR(sums[without_month(key)].Add(amounts));
    }
  }
  std::erase_if(*lines, [&](const auto& line) {
    return line.first.kind == LineKind::kCorrection && sums[without_month(line.first)].zero();
  });
  return absl::OkStatus();
}

// Whether the ledger may have lost entries of a month since it was closed.
absl::StatusOr<bool> MayHaveLost(sql::Session& session, const std::string& org, const Range& range,
                                 const Close& close) {
  if (!close.first_entry_us.has_value()) return false;
  QP_ASSIGN_OR_RETURN(const std::optional<int64_t> first, FirstEntryUs(session, org, range));
  return !first.has_value() || *first > *close.first_entry_us;
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
  for (auto& [center, lines] : owed) QP_RETURN_IF_ERROR(DropMoved(&lines));
  std::erase_if(owed, [](const auto& center) { return center.second.empty(); });
  return owed;
}

absl::Status AddLateLines(sql::Session& session, const std::string& org, absl::CivilMonth month,
                          absl::TimeZone zone, const std::vector<Close>& closes,
                          std::map<std::string, CenterUsage>* usage) {
  const absl::CivilMonth first = *ParseMonthName(closes.front().month);
  const absl::CivilMonth last = *ParseMonthName(closes.back().month);
  for (absl::CivilMonth at = std::max(first, month - kLookBackMonths); at <= last; ++at) {
    const std::string name = MonthName(at);
    const auto close = std::find_if(closes.begin(), closes.end(),
                                    [&](const Close& each) { return each.month == name; });
    if (close != closes.end()) {
      QP_ASSIGN_OR_RETURN(const bool lost, MayHaveLost(session, org, MonthRange(at, zone), *close));
      if (lost) continue;
    }
    absl::StatusOr<CenterLines> ledger = ReadMonthLines(session, org, at, zone);
    // What retention says that it has dropped is left alone, too.
    if (ReasonOf(ledger.status()) == "DATA_DROPPED") continue;
    QP_RETURN_IF_ERROR(ledger.status());
    QP_ASSIGN_OR_RETURN(const CenterLines billed, ReadBilled(session, org, name));
    QP_ASSIGN_OR_RETURN(const CenterLines owed, Owed(*std::move(ledger), billed));
    for (const auto& [center, lines] : owed) {
      (*usage)[center].lines.insert(lines.begin(), lines.end());
    }
  }
  return absl::OkStatus();
}

}  // namespace quotaplane::reports
