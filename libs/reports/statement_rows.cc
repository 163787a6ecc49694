#include "libs/reports/statement_rows.h"

#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/hash.h"
#include "libs/base/status_macros.h"
#include "libs/reports/selection_sql.h"
#include "libs/reports/statement_json.h"

namespace quotaplane::reports {
namespace {

using sql::Type;

// A statement of SQL carries about so much text at a time.
constexpr size_t kBatchBytes = 8 << 20;
constexpr size_t kMaxCloses = 2'400;
// Lines of a close are bounded when they are read from the ledger; those of a month may be billed
// by a year's worth of statements.
constexpr size_t kMaxBilledLines = 2'000'000;

constexpr LineKind kKinds[] = {LineKind::kUsage, LineKind::kLate, LineKind::kCorrection};

LineKind KindOf(std::string_view name) {
  for (const LineKind kind : kKinds) {
    if (NameOf(kind) == name) return kind;
  }
  return LineKind::kUsage;
}

// Rows that are inserted whenever there are many.
class Rows {
 public:
  Rows(sql::Session& session, std::string_view table, std::vector<sql::Column> columns)
      : session_(session), batch_{table, std::move(columns), {}} {}

  // Of values that stay until Flush.
  absl::Status Add(std::vector<sql::Value> row, size_t bytes = 0) {
    batch_.values.insert(batch_.values.end(), row.begin(), row.end());
    bytes_ += bytes;
    return batch_.rows() >= sql::kMaxBatchRows || bytes_ > kBatchBytes ? Flush() : absl::OkStatus();
  }
  absl::Status Flush() {
    QP_RETURN_IF_ERROR(session_.InsertMany(batch_).status());
    batch_.values.clear();
    bytes_ = 0;
    return absl::OkStatus();
  }

 private:
  sql::Session& session_;
  sql::Batch batch_;
  size_t bytes_ = 0;
};

absl::Status InsertStatements(sql::Session& session, const std::vector<Statement>& statements) {
  Rows rows(session, "statements",
            {{"org", Type::kText},
             {"number"},
             {"month", Type::kText},
             {"cost_center", Type::kText},
             {"active_users"},
             {"usage_nano_usd"},
             {"late_nano_usd"},
             {"corrections_nano_usd"},
             {"markup_nano_usd"},
             {"seat_fees_nano_usd"},
             {"shared_costs_nano_usd"},
             {"total_nano_usd"},
             {"currency", Type::kText},
             {"due_nano"},
             {"document", Type::kText},
             {"digest", Type::kBytes}});
  std::deque<std::pair<std::string, Digest>> documents;
  for (const Statement& statement : statements) {
    std::string json = StatementJson(statement);
    const Digest digest = HashOf(json);
    const auto& [document, kept_digest] = documents.emplace_back(std::move(json), digest);
    const Totals& totals = statement.totals;
    QP_RETURN_IF_ERROR(
        rows.Add({statement.head.org, statement.number, statement.head.month, statement.cost_center,
                  statement.usage.active_users, totals.usage_nano_usd, totals.late_nano_usd,
                  totals.corrections_nano_usd, totals.markup_nano_usd, totals.seat_fees_nano_usd,
                  totals.shared_costs_nano_usd, totals.total_nano_usd, statement.currency.code,
                  totals.due_nano, document, sql::Bytes{kept_digest.view()}},
                 document.size()));
  }
  return rows.Flush();
}

absl::Status InsertLines(sql::Session& session, const std::vector<Statement>& statements) {
  Rows rows(session, "statement_lines",
            {{"org", Type::kText},
             {"number"},
             {"line"},
             {"kind", Type::kText},
             {"month", Type::kText},
             {"corrects_month", Type::kText},
             {"cost_center", Type::kText},
             {"team", Type::kText},
             {"project", Type::kText},
             {"model", Type::kText},
             {"meter", Type::kText},
             {"quantity"},
             {"cost_nano_usd"},
             {"requests"},
             {"overrun_nano_usd"}});
  for (const Statement& statement : statements) {
    int64_t line = 0;
    for (const auto& [key, amounts] : statement.usage.lines) {
      QP_RETURN_IF_ERROR(rows.Add(
          {statement.head.org, statement.number, line++, NameOf(key.kind), key.month,
           key.corrects_month, statement.cost_center, key.team, key.project, key.model, key.meter,
           amounts.quantity, amounts.cost_nano_usd, amounts.requests, amounts.overrun_nano_usd}));
    }
  }
  return rows.Flush();
}

absl::Status InsertDays(sql::Session& session, const std::vector<Statement>& statements) {
  Rows rows(session, "statement_days",
            {{"org", Type::kText},
             {"number"},
             {"dimension", Type::kText},
             {"day", Type::kText},
             {"name", Type::kText},
             {"cost_nano_usd"}});
  for (const Statement& statement : statements) {
    for (const auto& [dimension, days] : {std::pair("team", &statement.usage.by_team),
                                          std::pair("model", &statement.usage.by_model)}) {
      for (const auto& [key, cost] : *days) {
        QP_RETURN_IF_ERROR(rows.Add(
            {statement.head.org, statement.number, dimension, key.first, key.second, cost}));
      }
    }
  }
  return rows.Flush();
}

}  // namespace

absl::StatusOr<std::vector<Close>> ReadCloses(sql::Session& session, const std::string& org) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"closes",
                     "SELECT close_number, month, time_zone, request_id, rules, closed_at_us, "
                     "first_number, statements FROM statement_closes WHERE org = "
                     "$1 ORDER BY close_number"},
                    {org}, kMaxCloses));
  std::vector<Close> closes(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    Close& close = closes[i];
    QP_RETURN_IF_ERROR(rows[i].Read(close.close_number, close.month, close.time_zone,
                                    close.request_id, close.rules, close.closed_at_us,
                                    close.first_number, close.statements));
  }
  return closes;
}

absl::Status InsertClose(sql::Session& session, const std::string& org, const Close& close,
                         const std::vector<Statement>& statements) {
  Rows rows(session, "statement_closes",
            {{"org", Type::kText},
             {"close_number"},
             {"month", Type::kText},
             {"time_zone", Type::kText},
             {"request_id", Type::kText},
             {"rules", Type::kText},
             {"closed_at_us"},
             {"first_number"},
             {"statements"}});
  QP_RETURN_IF_ERROR(
      rows.Add({org, close.close_number, close.month, close.time_zone, close.request_id,
                close.rules, close.closed_at_us, close.first_number, close.statements}));
  QP_RETURN_IF_ERROR(rows.Flush());
  QP_RETURN_IF_ERROR(InsertStatements(session, statements));
  QP_RETURN_IF_ERROR(InsertLines(session, statements));
  return InsertDays(session, statements);
}

absl::StatusOr<CenterLines> ReadBilled(sql::Session& session, const std::string& org,
                                       const std::string& month) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query(
          {"billed",
           "SELECT CASE WHEN kind = 'correction' THEN kind ELSE 'usage' END AS billed_as, "
           "corrects_month, cost_center, team, project, model, meter, SUM(quantity), "
           "SUM(cost_nano_usd), SUM(requests), SUM(overrun_nano_usd) FROM statement_lines WHERE "
           "org = $1 AND month = $2 GROUP BY 1, 2, 3, 4, 5, 6, 7"},
          {org, month}, kMaxBilledLines));
  CenterLines lines;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string kind, center;
    LineKey key;
    Amounts amounts;
    QP_RETURN_IF_ERROR(rows[i].Read(kind, key.corrects_month, center, key.team, key.project,
                                    key.model, key.meter, amounts.quantity, amounts.cost_nano_usd,
                                    amounts.requests, amounts.overrun_nano_usd));
    key.kind = KindOf(kind);
    key.month = month;
    lines[center][key] = amounts;
  }
  return lines;
}

absl::StatusOr<std::map<std::string, CenterUsage>> ReadUsage(sql::Session& session,
                                                             const std::string& org,
                                                             const Close& close) {
  std::map<int64_t, std::pair<std::string, CenterUsage>> by_number;
  const int64_t end = close.first_number + close.statements;
  const std::vector<sql::Value> range = {org, close.first_number, end};
  QP_ASSIGN_OR_RETURN(const sql::Rows centers,
                      session.Query({"statements",
                                     "SELECT number, cost_center, active_users FROM statements "
                                     "WHERE org = $1 AND number >= $2 AND number < $3"},
                                    range));
  for (size_t i = 0; i < centers.size(); ++i) {
    auto& [center, usage] = by_number[centers[i][0].integer()];
    center = centers[i][1].text();
    usage.active_users = centers[i][2].integer();
  }
  QP_ASSIGN_OR_RETURN(
      const sql::Rows lines,
      session.Query({"lines",
                     "SELECT number, kind, month, corrects_month, team, project, model, meter, "
                     "quantity, cost_nano_usd, requests, overrun_nano_usd FROM statement_lines "
                     "WHERE org = $1 AND number >= $2 AND number < $3"},
                    range, kMaxBilledLines));
  for (size_t i = 0; i < lines.size(); ++i) {
    int64_t number = 0;
    std::string kind;
    LineKey key;
    Amounts amounts;
    QP_RETURN_IF_ERROR(lines[i].Read(
        number, kind, key.month, key.corrects_month, key.team, key.project, key.model, key.meter,
        amounts.quantity, amounts.cost_nano_usd, amounts.requests, amounts.overrun_nano_usd));
    key.kind = KindOf(kind);
    by_number[number].second.lines[key] = amounts;
  }
  QP_ASSIGN_OR_RETURN(const sql::Rows days,
                      session.Query({"days",
                                     "SELECT number, dimension, day, name, cost_nano_usd FROM "
                                     "statement_days WHERE org = $1 AND number >= $2 AND number < "
                                     "$3"},
                                    range, kMaxBilledLines));
  for (size_t i = 0; i < days.size(); ++i) {
    CenterUsage& center = by_number[days[i][0].integer()].second;
    DayCosts& costs = days[i][1].text() == "team" ? center.by_team : center.by_model;
    costs[{std::string(days[i][2].text()), std::string(days[i][3].text())}] = days[i][4].integer();
  }
  std::map<std::string, CenterUsage> usage;
  for (auto& [number, its] : by_number) usage[its.first] = std::move(its.second);
  return usage;
}

}  // namespace quotaplane::reports
