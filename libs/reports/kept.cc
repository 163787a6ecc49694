#include "libs/reports/kept.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/reports/text_format.h"

namespace quotaplane::reports {
namespace {

absl::Status Check(const std::vector<Slice>& slices, std::string_view what, int64_t kept_from_us) {
  const bool missing = std::any_of(slices.begin(), slices.end(), [&](const Slice& slice) {
    return slice.range.from_us < kept_from_us;
  });
  if (!missing) return absl::OkStatus();
  const std::string from = FormatUtcSeconds(kept_from_us);
  return ReasonedError(absl::StatusCode::kOutOfRange, "DATA_DROPPED",
                       absl::StrCat("retention has dropped ", AbslView(what), " of before ", from,
                                    ", which this needs: ask for a time from then on"),
                       {{"available_from_time", from}});
}

}  // namespace

absl::StatusOr<KeptFrom> HoldKept(sql::Session& session) {
  if (session.dialect() == sql::Dialect::kPostgres) {
    // Months are dropped from all snapshots at once; not while this lock is held. It comes before
    // the snapshot, so what has been dropped by then is in the table below.
    QP_RETURN_IF_ERROR(
        session.RunScript({"kept", "LOCK TABLE ledger_entries IN ACCESS SHARE MODE"}));
  }
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"kept", "SELECT kind, from_us FROM ledger_kept"}));
  KeptFrom kept;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string_view kind;
    int64_t from_us;
    QP_RETURN_IF_ERROR(rows[i].Read(kind, from_us));
    if (kind == "entries") kept.entries_us = from_us;
    if (kind == "hours") kept.hours_us = from_us;
    if (kind == "days") kept.days_us = from_us;
  }
  return kept;
}

absl::Status CheckKept(const KeptFrom& kept, const Plan& plan) {
  QP_RETURN_IF_ERROR(Check(plan.entries, "the entries", kept.entries_us));
  QP_RETURN_IF_ERROR(Check(plan.hours, "the sums by hour", kept.hours_us));
  return Check(plan.days, "the sums by day", kept.days_us);
}

absl::Status CheckKept(sql::Session& session, const Plan& plan) {
  QP_ASSIGN_OR_RETURN(const KeptFrom kept, HoldKept(session));
  return CheckKept(kept, plan);
}

}  // namespace quotaplane::reports
