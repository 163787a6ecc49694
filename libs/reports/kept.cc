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

absl::Status CheckKept(sql::Session& session, const Plan& plan) {
  if (session.dialect() == sql::Dialect::kPostgres) {
    // Months are dropped from all snapshots at once; not while this lock is held. It comes before
    // the snapshot, so what has been dropped by then is in the table below.
    QP_RETURN_IF_ERROR(
        session.RunScript({"kept", "LOCK TABLE ledger_entries IN ACCESS SHARE MODE"}));
  }
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"kept", "SELECT kind, from_us FROM ledger_kept"}));
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string_view kind;
    int64_t from_us;
    QP_RETURN_IF_ERROR(rows[i].Read(kind, from_us));
    if (kind == "entries") QP_RETURN_IF_ERROR(Check(plan.entries, "the entries", from_us));
    if (kind == "hours") QP_RETURN_IF_ERROR(Check(plan.hours, "the sums by hour", from_us));
    if (kind == "days") QP_RETURN_IF_ERROR(Check(plan.days, "the sums by day", from_us));
  }
  return absl::OkStatus();
}

}  // namespace quotaplane::reports
