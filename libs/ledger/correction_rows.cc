#include "libs/ledger/correction_rows.h"

#include <array>
#include <vector>

#include "libs/base/status_macros.h"
#include "libs/ledger/ledger_rows.h"

namespace quotaplane {
namespace {

using sql::Type;

std::vector<sql::Column> CorrectionColumns() {
  std::vector<sql::Column> columns = EntryColumns();
  columns.insert(columns.end(), {{"corrects_key", Type::kBytes},
                                 {"reason", Type::kText},
                                 {"corrected_at_us"},
                                 {"corrected_by", Type::kText},
                                 {"move_key", Type::kBytes}});
  return columns;
}

}  // namespace

CorrectionRows::CorrectionRows(CorrectedBy by, std::string_view reason, int64_t now_us)
    : by_(by),
      reason_(reason),
      now_us_(now_us),
      keys_{"ledger_keys", {{"charge_key", Type::kBytes}, {"occurred_at_us"}}, {}},
      entries_{"ledger_entries", CorrectionColumns(), {}},
      rollup_hour_(RollupBatch("rollup_hour")),
      rollup_day_(RollupBatch("rollup_day")),
      moves_{
          "ledger_moves",
          {{"move_key", Type::kBytes}, {"org", Type::kText}, {"fingerprint"}, {"recorded_at_us"}},
          {}} {}

void CorrectionRows::Add(const BookedCharge& charge, const Digest& key, const Digest& move,
                         const std::vector<LineCorrection>& lines) {
  const sql::Bytes kept_key{Keep(key)};
  const sql::Bytes kept_move{Keep(move)};
  keys_.values.insert(keys_.values.end(), {kept_key, now_us_});
  for (const LineCorrection& one : lines) {
    const BookedLine& line = *one.line;
    const std::array<sql::Value, 35> row = {
        kept_key,
        line.line,
        charge.org,
        "correction",
        charge.reservation_id,
        now_us_,
        now_us_,
        line.attempt,
        line.model,
        charge.subject_model,
        one.priced_as,
        line.service_tier,
        line.meter,
        one.quantity,
        one.unit_price,
        one.cost_nano_usd,
        one.price_version,
        charge.team,
        charge.project,
        charge.user,
        charge.api_key,
        charge.labels,
        charge.cost_center,
        0,  // held
        0,  // overrun
        0,  // late
        0,  // unreserved
        0,  // recorded
        0,  // unpriced
        0,  // spooled
        sql::Bytes{charge.key.view()},
        reason_,
        charge.occurred_at_us,
        by_ == CorrectedBy::kAdjustment ? "adjustment" : "rerating",
        kept_move,
    };
    entries_.values.insert(entries_.values.end(), row.begin(), row.end());
    AddToRollup(&rollup_hour_, HourOf(now_us_), charge, one);
    AddToRollup(&rollup_day_, DayOf(now_us_), charge, one);
  }
}

void CorrectionRows::AddToRollup(sql::Batch* rollup, int64_t bucket_us, const BookedCharge& charge,
                                 const LineCorrection& line) const {
  const std::array<sql::Value, 12> row = {charge.org,
                                          bucket_us,
                                          charge.cost_center,
                                          charge.team,
                                          charge.project,
                                          charge.user,
                                          line.line->model,
                                          line.line->meter,
                                          line.quantity,
                                          line.cost_nano_usd,
                                          0,   // requests
                                          0};  // overrun
  rollup->values.insert(rollup->values.end(), row.begin(), row.end());
}

void CorrectionRows::AddMove(const Digest& move, std::string_view org, int64_t fingerprint) {
  moves_.values.insert(moves_.values.end(), {sql::Bytes{Keep(move)}, org, fingerprint, now_us_});
}

std::string_view CorrectionRows::Keep(const Digest& digest) {
  return kept_.emplace_back(digest).view();
}

absl::Status CorrectionRows::Write(sql::Transaction& transaction) const {
  QP_RETURN_IF_ERROR(transaction.InsertMany(keys_).status());
  QP_RETURN_IF_ERROR(transaction.InsertMany(moves_).status());
  QP_RETURN_IF_ERROR(transaction.InsertMany(entries_).status());
  QP_RETURN_IF_ERROR(transaction.AddMany(rollup_hour_, kRollupKeyColumns));
  return transaction.AddMany(rollup_day_, kRollupKeyColumns);
}

}  // namespace quotaplane
