#include "libs/control/exception_rows.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/control/store_rules.h"
#include "libs/policy/raises.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 5> kDecided = {"requested", "denied", "approved", "ended",
                                                      "revoked"};

constexpr absl::string_view kColumns =
    "org, exception_id, state, scope, raises, start_us, end_us, reason, requester, "
    "requested_at_us, decider, decided_at_us, decide_comment, revoked_by, revoked_at_us, "
    "change_number";

absl::StatusOr<DecidedState> ParseDecided(std::string_view text) {
  for (size_t i = 0; i < kDecided.size(); ++i) {
    if (text == kDecided[i]) return static_cast<DecidedState>(i);
  }
  return absl::DataLossError("an exception's state is none that there is");
}

std::string_view NameOf(DecidedState state) { return kDecided[static_cast<size_t>(state)]; }

Json RaisesJson(const std::vector<LimitRaise>& raises) {
  Json list = Json::array();
  for (const LimitRaise& raise : raises) {
    list.push_back({{"limit", raise.limit_id}, {"amount", raise.amount}, {"per", raise.per}});
  }
  return list;
}

// What InsertException has written.
absl::Status ReadSpec(const std::string& scope, const std::string& raises, ExceptionSpec* spec) {
  const Json values = Json::parse(scope, nullptr, false);
  const Json list = Json::parse(raises, nullptr, false);
  if (!values.is_object() || !list.is_array()) {
    return absl::DataLossError("an exception's scope or raises cannot be read");
  }
  for (const auto& [dimension, value] : values.items()) {
    if (!value.is_string()) return absl::DataLossError("an exception's scope cannot be read");
    spec->scope[dimension] = value.get<std::string>();
  }
  for (const Json& each : list) {
    const auto limit = each.find("limit"), amount = each.find("amount"), per = each.find("per");
    if (limit == each.end() || amount == each.end() || per == each.end() || !limit->is_string() ||
        !amount->is_number_integer() || !per->is_array()) {
      return absl::DataLossError("an exception's raises cannot be read");
    }
    LimitRaise raise = {limit->get<std::string>(), amount->get<int64_t>(), {}};
    for (const Json& dimension : *per) {
      if (!dimension.is_string()) return absl::DataLossError("a raise's scope cannot be read");
      raise.per.push_back(dimension.get<std::string>());
    }
    spec->raises.push_back(std::move(raise));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExceptionRow> RowOf(const sql::Row& row) {
  ExceptionRow read;
  Exception& e = read.exception;
  std::string_view state;
  std::string scope, raises;
  std::optional<std::string> decider, revoked_by;
  std::optional<int64_t> decided_at_us, revoked_at_us;
  int64_t number = 0;
  QP_RETURN_IF_ERROR(row.Read(e.org, e.id, state, scope, raises, e.spec.start_us, e.spec.end_us,
                              e.spec.reason, e.requester, e.requested_at_us, decider, decided_at_us,
                              e.decide_comment, revoked_by, revoked_at_us, number));
  QP_ASSIGN_OR_RETURN(read.decided, ParseDecided(state));
  QP_RETURN_IF_ERROR(ReadSpec(scope, raises, &e.spec));
  e.decider = decider.value_or("");
  e.decided_at_us = decided_at_us.value_or(0);
  e.revoked_by = revoked_by.value_or("");
  e.revoked_at_us = revoked_at_us.value_or(0);
  e.etag = EtagOf(number);
  return read;
}

absl::StatusOr<std::vector<ExceptionRow>> RowsOf(const sql::Rows& rows) {
  std::vector<ExceptionRow> read;
  read.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    QP_ASSIGN_OR_RETURN(ExceptionRow row, RowOf(rows[i]));
    read.push_back(std::move(row));
  }
  return read;
}

// NULL where there is none.
std::optional<std::string> Maybe(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}
std::optional<int64_t> MaybeAt(const std::string& who, int64_t at_us) {
  return who.empty() ? std::nullopt : std::optional<int64_t>(at_us);
}

std::vector<Raise> RaisesOf(const Exception& e) {
  std::vector<Raise> raises;
  for (const LimitRaise& each : e.spec.raises) {
    Raise raise;
    raise.exception_id = e.id;
    raise.limit_id = each.limit_id;
    for (const std::string& name : each.per) {
      const auto value = e.spec.scope.find(name);
      const absl::StatusOr<Dimension> dimension = ParseDimension(name);
      if (value == e.spec.scope.end() || !dimension.ok()) continue;
      raise.scope.emplace_back(*dimension, value->second);
    }
    raise.amount = each.amount;
    // What has begun when it is approved holds from when a replica knows it, whatever its clock.
    const bool begun = !e.spec.start_us.has_value() || *e.spec.start_us <= e.decided_at_us;
    raise.from_us = begun ? 0 : *e.spec.start_us;
    raise.until_us = e.spec.end_us;
    raises.push_back(std::move(raise));
  }
  return raises;
}

}  // namespace

ExceptionState StateAt(const ExceptionRow& row, int64_t now_us) {
  const Exception& e = row.exception;
  switch (row.decided) {
    case DecidedState::kDenied:
      return ExceptionState::kDenied;
    case DecidedState::kRevoked:
      return ExceptionState::kRevoked;
    case DecidedState::kEnded:
      return ExceptionState::kExpired;
    case DecidedState::kRequested:
      return e.spec.end_us <= now_us ? ExceptionState::kExpired : ExceptionState::kRequested;
    case DecidedState::kApproved:
      break;
  }
  if (e.spec.end_us <= now_us) return ExceptionState::kExpired;
  const bool begun = !e.spec.start_us.has_value() || *e.spec.start_us <= now_us;
  return begun ? ExceptionState::kActive : ExceptionState::kScheduled;
}

Exception At(ExceptionRow row, int64_t now_us) {
  row.exception.state = StateAt(row, now_us);
  return std::move(row.exception);
}

std::string StatesSql(const std::vector<ExceptionState>& states) {
  if (states.empty()) return "(1 = 1)";
  std::vector<std::string_view> conditions;
  for (const ExceptionState state : states) {
    switch (state) {
      case ExceptionState::kRequested:
        conditions.emplace_back("(state = 'requested' AND end_us > $2)");
        break;
      case ExceptionState::kDenied:
        conditions.emplace_back("state = 'denied'");
        break;
      case ExceptionState::kScheduled:
        conditions.emplace_back("(state = 'approved' AND end_us > $2 AND start_us > $2)");
        break;
      case ExceptionState::kActive:
        conditions.emplace_back(
            "(state = 'approved' AND end_us > $2 AND (start_us IS NULL OR start_us <= $2))");
        break;
      case ExceptionState::kExpired:
        conditions.emplace_back(
            "(state = 'ended' OR (state IN ('requested', 'approved') AND end_us <= $2))");
        break;
      case ExceptionState::kRevoked:
        conditions.emplace_back("state = 'revoked'");
        break;
    }
  }
  return absl::StrCat(
      "(",
      absl::StrJoin(conditions, " OR ",
                    [](std::string* out, std::string_view condition) { out->append(condition); }),
      ")");
}

absl::Status InsertException(sql::Session& session, const ExceptionRow& row, int64_t number) {
  const Exception& e = row.exception;
  return session
      .Execute(
          {"insert exception",
           absl::StrCat("INSERT INTO exceptions (", kColumns,
                        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
                        "$14, $15, $16)")},
          {e.org, e.id, NameOf(row.decided), Json(e.spec.scope).dump(),
           RaisesJson(e.spec.raises).dump(), e.spec.start_us, e.spec.end_us, e.spec.reason,
           e.requester, e.requested_at_us, Maybe(e.decider), MaybeAt(e.decider, e.decided_at_us),
           e.decide_comment, Maybe(e.revoked_by), MaybeAt(e.revoked_by, e.revoked_at_us), number})
      .status();
}

absl::Status UpdateException(sql::Session& session, const ExceptionRow& row, int64_t number) {
  const Exception& e = row.exception;
  const std::optional<std::string> decider = Maybe(e.decider), revoked_by = Maybe(e.revoked_by);
  return session
      .Execute({"update exception",
                "UPDATE exceptions SET state = $3, decider = $4, decided_at_us = $5, "
                "decide_comment = $6, revoked_by = $7, revoked_at_us = $8, change_number = $9 "
                "WHERE org = $1 AND exception_id = $2"},
               {e.org, e.id, NameOf(row.decided), decider, MaybeAt(e.decider, e.decided_at_us),
                e.decide_comment, revoked_by, MaybeAt(e.revoked_by, e.revoked_at_us), number})
      .status();
}

absl::StatusOr<std::optional<ExceptionRow>> ReadException(sql::Session& session,
                                                          const std::string& org,
                                                          const std::string& id) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query(
          {"exception", absl::StrCat("SELECT ", kColumns,
                                     " FROM exceptions WHERE org = $1 AND exception_id = $2")},
          {org, id}));
  if (rows.empty()) return std::optional<ExceptionRow>();
  QP_ASSIGN_OR_RETURN(ExceptionRow row, RowOf(rows[0]));
  return std::optional<ExceptionRow>(std::move(row));
}

absl::StatusOr<std::vector<ExceptionRow>> ReadExceptions(sql::Session& session,
                                                         const std::string& org,
                                                         const std::vector<ExceptionState>& states,
                                                         const std::string& before, size_t count,
                                                         int64_t now_us) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"exceptions",
                     absl::StrCat("SELECT ", kColumns, " FROM exceptions WHERE org = $1 AND ",
                                  StatesSql(states),
                                  " AND ($3 = '' OR exception_id < $3) AND CAST($2 AS BIGINT) >= 0 "
                                  "ORDER BY exception_id DESC LIMIT $4")},
                    {org, now_us, before, static_cast<int64_t>(count)}));
  return RowsOf(rows);
}

absl::StatusOr<std::vector<ExceptionRow>> ReadOpenExceptions(sql::Session& session,
                                                             const std::string& org,
                                                             int64_t now_us) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query(
          {"open exceptions",
           absl::StrCat("SELECT ", kColumns,
                        " FROM exceptions WHERE org = $1 AND state = 'requested' AND end_us > $2 "
                        "UNION ALL SELECT ",
                        kColumns,
                        " FROM exceptions WHERE org = $1 AND state = 'approved' AND end_us > $2 "
                        "ORDER BY 2")},
          {org, now_us}));
  return RowsOf(rows);
}

absl::StatusOr<int64_t> CountOpenRequests(sql::Session& session, const std::string& org,
                                          int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"open requests",
                                     "SELECT COUNT(*) FROM exceptions WHERE org = $1 AND state = "
                                     "'requested' AND end_us > $2"},
                                    {org, now_us}));
  return rows[0][0].integer();
}

std::string ExceptionJson(const Exception& e) {
  Json json = {{"id", e.id},
               {"state", ExceptionStateName(e.state)},
               {"scope", e.spec.scope},
               {"raises", RaisesJson(e.spec.raises)},
               {"end", FormatUtc(e.spec.end_us)},
               {"reason", e.spec.reason},
               {"requester", e.requester},
               {"requested", FormatUtc(e.requested_at_us)}};
  if (e.spec.start_us.has_value()) json["start"] = FormatUtc(*e.spec.start_us);
  if (!e.decider.empty()) {
    json["decider"] = e.decider;
    json["decided"] = FormatUtc(e.decided_at_us);
    json["decide_comment"] = e.decide_comment;
  }
  if (!e.revoked_by.empty()) {
    json["revoked_by"] = e.revoked_by;
    json["revoked"] = FormatUtc(e.revoked_at_us);
  }
  return json.dump();
}

absl::StatusOr<ChangeRecord::ItemWrite> MakeRaisesItem(sql::Session& session,
                                                       const ItemCodec& codec,
                                                       const std::string& org, int64_t now_us) {
  QP_RETURN_IF_ERROR(session
                         .Execute({"end exceptions",
                                   "UPDATE exceptions SET state = 'ended' WHERE org = $1 AND "
                                   "state = 'approved' AND end_us <= $2"},
                                  {org, now_us})
                         .status());
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"approved exceptions",
                     absl::StrCat("SELECT ", kColumns,
                                  " FROM exceptions WHERE org = $1 AND state = 'approved' "
                                  "ORDER BY exception_id")},
                    {org}));
  QP_ASSIGN_OR_RETURN(const std::vector<ExceptionRow> approved, RowsOf(rows));
  RaisesItem item;
  item.org = org;
  for (const ExceptionRow& row : approved) {
    for (Raise& raise : RaisesOf(row.exception)) item.raises.push_back(std::move(raise));
  }
  if (item.raises.size() > kMaxRaisesPerOrg) {
    return TooMany(absl::StrCat("at most ", kMaxRaisesPerOrg,
                                " raises of an org may be approved at once; revoke some"));
  }
  return ChangeRecord::ItemWrite{RaisesItemName(org),
                                 item.raises.empty() ? std::string() : codec.EncodeRaises(item)};
}

}  // namespace quotaplane
