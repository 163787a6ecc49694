#include "libs/reports/statement_store.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/hash.h"
#include "libs/base/status_macros.h"
#include "libs/reports/selection_sql.h"
#include "libs/reports/statement_json.h"
#include "libs/reports/statement_late.h"
#include "libs/reports/statement_rows.h"
#include "libs/reports/usage_sums.h"

namespace quotaplane::reports {
namespace {

constexpr sql::TransactionOptions kSnapshot = {sql::Isolation::kRepeatableRead, /*read_only=*/true};
// Each time, somebody else has closed a month of the org in between.
constexpr int kAttempts = 5;

absl::Status Refused(std::string_view reason, std::string_view message,
                     const std::map<std::string, std::string>& metadata = {}) {
  return ReasonedError(absl::StatusCode::kFailedPrecondition, reason, message, metadata);
}

// What a closed or an earlier month, and another zone, forbid.
absl::Status CheckOrder(const MonthQuery& query, const std::vector<Close>& closes) {
  if (closes.empty()) return absl::OkStatus();
  const std::string month = MonthName(query.month);
  for (const Close& close : closes) {
    if (close.month == month) {
      return Refused("MONTH_CLOSED",
                     absl::StrCat(month,
                                  " is closed already; what came later is in the statements "
                                  "of the next month"),
                     {{"month", month}});
    }
  }
  if (month < closes.back().month) {
    return Refused("LATER_MONTH_CLOSED",
                   absl::StrCat(closes.back().month,
                                " is closed already; months are closed in "
                                "their order"),
                   {{"month", closes.back().month}});
  }
  if (closes.front().time_zone != query.zone.name()) {
    return Refused("TIME_ZONE_FIXED",
                   absl::StrCat("the org's months are those of ", closes.front().time_zone,
                                ", in which its first month was closed"),
                   {{"time_zone", closes.front().time_zone}});
  }
  return absl::OkStatus();
}

// Of the months between the last closed one and this one, none may have usage: but for those of
// which retention has dropped a part, which cannot be closed any more.
absl::Status CheckEarlierMonths(sql::Session& session, const KeptFrom& kept,
                                const MonthQuery& query, const std::vector<Close>& closes) {
  if (closes.empty()) return absl::OkStatus();
  std::vector<Range> months;
  std::vector<std::string> names;
  for (absl::CivilMonth at = *ParseMonthName(closes.back().month) + 1; at < query.month; ++at) {
    if (!CheckMonthKept(kept, at, query.zone).ok()) continue;
    months.push_back(MonthRange(at, query.zone));
    names.push_back(MonthName(at));
  }
  if (months.empty()) return absl::OkStatus();
  const Selection selection = {query.org, {months.front().from_us, months.back().to_us}, {}};
  QP_ASSIGN_OR_RETURN(const Sums sums, ReadUsedSums(session, selection, {}, months));
  if (sums.empty()) return absl::OkStatus();
  const std::string& open = names[static_cast<size_t>(sums.begin()->first.first)];
  return Refused("EARLIER_MONTH_OPEN",
                 absl::StrCat(open, " has usage and is not closed yet; close it first"),
                 {{"month", open}});
}

absl::StatusOr<std::vector<Statement>> MakeMonth(sql::Session& session, const KeptFrom& kept,
                                                 const MonthQuery& query,
                                                 const std::vector<Close>& closes,
                                                 int64_t closed_at_us, int64_t first_number) {
  QP_RETURN_IF_ERROR(CheckMonthKept(kept, query.month, query.zone));
  std::map<std::string, CenterUsage> usage;
  QP_ASSIGN_OR_RETURN(CenterLines lines,
                      ReadMonthLines(session, query.org, query.month, query.zone));
  for (auto& [center, its] : lines) usage[center].lines = std::move(its);
  if (!closes.empty()) {
    QP_RETURN_IF_ERROR(
        AddLateLines(session, kept, query.org, query.month, query.zone, closes, &usage));
  }
  QP_RETURN_IF_ERROR(AddMonthDetails(session, query.org, query.month, query.zone, &usage));
  const MonthHead head = {query.org, MonthName(query.month), query.zone.name(),
                          MonthRange(query.month, query.zone), closed_at_us};
  return MakeStatements(head, std::move(usage), query.rules, first_number);
}

// The stored result of the close that had this id; nullopt if none had.
absl::StatusOr<std::optional<CloseResult>> Replay(sql::Session& session, const MonthQuery& query,
                                                  const std::string& request_id,
                                                  const std::vector<Close>& closes) {
  const auto close = std::find_if(closes.begin(), closes.end(),
                                  [&](const Close& each) { return each.request_id == request_id; });
  if (close == closes.end()) return std::optional<CloseResult>();
  if (close->month != MonthName(query.month) || close->time_zone != query.zone.name() ||
      close->rules != RulesJson(query.rules)) {
    return ReasonedError(absl::StatusCode::kAlreadyExists, "REQUEST_MISMATCH",
                         absl::StrCat("this id closed ", close->month,
                                      " already, and not in this way; take a new one"));
  }
  CloseResult result;
  result.closed_at_us = close->closed_at_us;
  QP_ASSIGN_OR_RETURN(result.statements,
                      ListStatements(session, {query.org, close->month, {}}, 0, kMaxStatements));
  return std::optional<CloseResult>(std::move(result));
}

struct Made {
  Close close;
  std::vector<Statement> statements;
};

// Reads everything, writes nothing.
absl::StatusOr<Made> MakeClose(sql::Session& session, const KeptFrom& kept, const MonthQuery& query,
                               const std::string& request_id, const std::vector<Close>& closes,
                               int64_t now_us) {
  QP_RETURN_IF_ERROR(CheckOrder(query, closes));
  const std::string month = MonthName(query.month);
  if (now_us < MonthRange(query.month, query.zone).to_us) {
    return Refused("MONTH_OPEN",
                   absl::StrCat(month, " is not over yet in ", query.zone.name(),
                                "; a preview shows what it has so far"),
                   {{"month", month}});
  }
  QP_RETURN_IF_ERROR(CheckEarlierMonths(session, kept, query, closes));
  Made made;
  Close& close = made.close;
  close.close_number = 1;
  close.first_number = 1;
  if (!closes.empty()) {
    close.close_number += closes.back().close_number;
    close.first_number = closes.back().first_number + closes.back().statements;
  }
  close.month = month;
  close.time_zone = query.zone.name();
  close.request_id = request_id;
  close.rules = RulesJson(query.rules);
  close.closed_at_us = now_us;
  QP_ASSIGN_OR_RETURN(made.statements,
                      MakeMonth(session, kept, query, closes, now_us, close.first_number));
  close.statements = static_cast<int64_t>(made.statements.size());
  return made;
}

CloseResult ResultOf(const Made& made) {
  CloseResult result;
  result.closed_at_us = made.close.closed_at_us;
  for (const Statement& statement : made.statements) {
    result.statements.push_back(SummaryOf(statement));
  }
  return result;
}

}  // namespace

StatementSummary SummaryOf(const Statement& statement) {
  return {statement.number,        statement.head.month,
          statement.cost_center,   statement.usage.active_users,
          statement.currency.code, statement.totals};
}

absl::StatusOr<CloseResult> CloseMonth(sql::Database& ledger, const MonthQuery& query,
                                       const std::string& request_id, int64_t now_us) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Made made;
    {
      QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> snapshot,
                          ledger.Begin(kSnapshot));
      QP_ASSIGN_OR_RETURN(const KeptFrom kept, HoldKept(*snapshot));
      QP_ASSIGN_OR_RETURN(const std::vector<Close> closes, ReadCloses(*snapshot, query.org));
      QP_ASSIGN_OR_RETURN(std::optional<CloseResult> before,
                          Replay(*snapshot, query, request_id, closes));
      if (before.has_value()) return *std::move(before);
      QP_ASSIGN_OR_RETURN(made, MakeClose(*snapshot, kept, query, request_id, closes, now_us));
    }
    QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> write, ledger.Begin());
    absl::Status stored = InsertClose(*write, query.org, made.close, made.statements);
    if (stored.ok()) stored = write->Commit();
    if (stored.ok()) return ResultOf(made);
    if (!absl::IsAlreadyExists(stored) && !absl::IsAborted(stored)) return stored;
  }
  return absl::AbortedError("others kept closing months of this org");
}

absl::StatusOr<std::vector<Statement>> PreviewMonth(sql::Database& ledger,
                                                    const MonthQuery& query) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> snapshot, ledger.Begin(kSnapshot));
  QP_ASSIGN_OR_RETURN(const KeptFrom kept, HoldKept(*snapshot));
  QP_ASSIGN_OR_RETURN(const std::vector<Close> closes, ReadCloses(*snapshot, query.org));
  QP_RETURN_IF_ERROR(CheckOrder(query, closes));
  return MakeMonth(*snapshot, kept, query, closes, /*closed_at_us=*/0, /*first_number=*/0);
}

absl::StatusOr<std::vector<StatementSummary>> ListStatements(sql::Session& session,
                                                             const StatementFilter& filter,
                                                             int64_t after, size_t count) {
  Parameters parameters;
  std::string sql = absl::StrCat(
      "SELECT number, month, cost_center, active_users, currency, usage_nano_usd, late_nano_usd, "
      "corrections_nano_usd, markup_nano_usd, seat_fees_nano_usd, shared_costs_nano_usd, "
      "total_nano_usd, due_nano FROM statements WHERE org = ",
      parameters.AddText(filter.org), " AND number > ", parameters.Add(after));
  if (filter.month.has_value()) {
    absl::StrAppend(&sql, " AND month = ", parameters.AddText(*filter.month));
  }
  if (filter.cost_center.has_value()) {
    absl::StrAppend(&sql, " AND cost_center = ", parameters.AddText(*filter.cost_center));
  }
  absl::StrAppend(&sql, " ORDER BY number LIMIT ", parameters.Add(static_cast<int64_t>(count)));
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"list statements", sql}, parameters.values(), count));
  std::vector<StatementSummary> statements(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    StatementSummary& each = statements[i];
    Totals& totals = each.totals;
    QP_RETURN_IF_ERROR(rows[i].Read(each.number, each.month, each.cost_center, each.active_users,
                                    each.currency, totals.usage_nano_usd, totals.late_nano_usd,
                                    totals.corrections_nano_usd, totals.markup_nano_usd,
                                    totals.seat_fees_nano_usd, totals.shared_costs_nano_usd,
                                    totals.total_nano_usd, totals.due_nano));
  }
  return statements;
}

absl::StatusOr<std::string> StoredDocument(sql::Session& session, const std::string& org,
                                           int64_t number) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query(
          {"statement", "SELECT document, digest FROM statements WHERE org = $1 AND number = $2"},
          {org, number}));
  if (rows.empty()) {
    return ReasonedError(absl::StatusCode::kNotFound, "STATEMENT_UNKNOWN",
                         absl::StrCat("the org has no statement ", number));
  }
  std::string document(rows[0][0].text());
  if (HashOf(document).view() != rows[0][1].bytes()) {
    return ReasonedError(absl::StatusCode::kDataLoss, "STATEMENT_DAMAGED",
                         absl::StrCat("statement ", number, " was changed in the database"));
  }
  return document;
}

absl::StatusOr<std::vector<std::string>> RemakeDocuments(sql::Session& session,
                                                         const std::string& org,
                                                         const std::string& month) {
  QP_ASSIGN_OR_RETURN(const std::vector<Close> closes, ReadCloses(session, org));
  const auto close = std::find_if(closes.begin(), closes.end(),
                                  [&](const Close& each) { return each.month == month; });
  absl::TimeZone zone;
  if (close == closes.end() || !absl::LoadTimeZone(close->time_zone, &zone)) {
    return absl::NotFoundError(absl::StrCat(month, " is not closed"));
  }
  QP_ASSIGN_OR_RETURN(auto usage, ReadUsage(session, org, *close));
  // Those that have fees and shares alone come from the rules again.
  std::erase_if(usage, [](const auto& center) { return center.second.lines.empty(); });
  QP_ASSIGN_OR_RETURN(const ChargebackRules rules, ParseRules(close->rules));
  const MonthHead head = {org, month, close->time_zone, MonthRange(*ParseMonthName(month), zone),
                          close->closed_at_us};
  QP_ASSIGN_OR_RETURN(const std::vector<Statement> statements,
                      MakeStatements(head, std::move(usage), rules, close->first_number));
  std::vector<std::string> documents;
  for (const Statement& statement : statements) documents.push_back(StatementJson(statement));
  return documents;
}

}  // namespace quotaplane::reports
