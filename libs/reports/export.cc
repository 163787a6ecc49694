#include "libs/reports/export.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/reports/kept.h"
#include "libs/reports/plan.h"
#include "libs/reports/selection_sql.h"

namespace quotaplane::reports {
namespace {

// Of each portion of rows. The first may have to wait for a sort.
constexpr absl::Duration kPortionTimeout = absl::Minutes(2);

// In the order of Entry's members.
constexpr char kColumns[] =
    "SELECT r.charge_key, r.line, r.org, r.kind, r.reservation_id, r.occurred_at_us, "
    "r.recorded_at_us, r.attempt, r.model, r.subject_model, r.priced_as, r.service_tier, r.meter, "
    "r.quantity, r.unit_price_nano_per_million, r.cost_nano_usd, r.price_version, r.team, "
    "r.project, r.user_name, r.api_key, r.labels, r.cost_center, r.held_nano_usd, "
    "r.overrun_nano_usd, r.late, r.unreserved, r.recorded, r.unpriced, r.spooled, r.corrects_key, "
    "r.reason, r.corrected_at_us "
    "FROM ledger_entries AS r WHERE r.org = ";

absl::Status ReadEntry(const sql::Row& row, Entry* e) {
  return row.Read(e->charge_key, e->line, e->org, e->kind, e->reservation_id, e->occurred_at_us,
                  e->recorded_at_us, e->attempt, e->model, e->subject_model, e->priced_as,
                  e->service_tier, e->meter, e->quantity, e->unit_price_nano_per_million,
                  e->cost_nano_usd, e->price_version, e->team, e->project, e->user, e->api_key,
                  e->labels, e->cost_center, e->held_nano_usd, e->overrun_nano_usd, e->late,
                  e->unreserved, e->recorded, e->unpriced, e->spooled, e->corrects_key, e->reason,
                  e->corrected_at_us);
}

}  // namespace

absl::Status ExportEntries(sql::Database& ledger, const Selection& selection, EntryWriter* writer,
                           ChunkSink sink) {
  Parameters parameters;
  std::string sql = kColumns;
  absl::StrAppend(&sql, parameters.Add(std::string_view(selection.org)),
                  " AND r.occurred_at_us >= ", parameters.Add(selection.range.from_us),
                  " AND r.occurred_at_us < ", parameters.Add(selection.range.to_us),
                  FilterSql(selection.filters, ledger.dialect(), &parameters),
                  " ORDER BY r.occurred_at_us, r.charge_key, r.line");
  ExportChunk chunk;
  chunk.position_us = selection.range.from_us;
  writer->AppendHeader(&chunk.data);
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> snapshot,
                      ledger.Begin({sql::Isolation::kRepeatableRead, /*read_only=*/true}));
  QP_RETURN_IF_ERROR(CheckKept(*snapshot, PlanOf({selection.range}, /*entries_only=*/true)));
  const auto add = [&](const sql::Row& row) -> absl::Status {
    Entry entry;
    QP_RETURN_IF_ERROR(ReadEntry(row, &entry));
    chunk.position_us = entry.occurred_at_us;
    if (!writer->Append(entry, &chunk.data)) return absl::OkStatus();
    ++chunk.entries;
    QP_ASSIGN_OR_RETURN(chunk.cost_nano_usd, Plus(chunk.cost_nano_usd, entry.cost_nano_usd));
    if (chunk.data.size() < kChunkBytes) return absl::OkStatus();
    QP_RETURN_IF_ERROR(sink(chunk));
    chunk.data.clear();
    return absl::OkStatus();
  };
  QP_RETURN_IF_ERROR(snapshot->Stream({"export", sql, kPortionTimeout}, parameters.values(), add));
  chunk.last = true;
  chunk.position_us = selection.range.to_us;
  return sink(chunk);
}

}  // namespace quotaplane::reports
