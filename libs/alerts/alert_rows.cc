#include "libs/alerts/alert_rows.h"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using Json = nlohmann::json;
using sql::Type;

constexpr std::array<sql::Column, 32> kColumns = {{{"number"},
                                                   {"org", Type::kText},
                                                   {"key_digest", Type::kBytes},
                                                   {"state", Type::kText},
                                                   {"kind", Type::kText},
                                                   {"rule_id", Type::kText},
                                                   {"severity", Type::kText},
                                                   {"opened_severity", Type::kText},
                                                   {"signal", Type::kText},
                                                   {"opened_at_us"},
                                                   {"recorded_at_us"},
                                                   {"told_at_us"},
                                                   {"tellings"},
                                                   {"hold_off_us"},
                                                   {"resolved_at_us"},
                                                   {"resolved_by", Type::kText},
                                                   {"acknowledged_by", Type::kText},
                                                   {"acknowledge_comment", Type::kText},
                                                   {"acknowledged_at_us"},
                                                   {"silence"},
                                                   {"feedback", Type::kText},
                                                   {"feedback_by", Type::kText},
                                                   {"feedback_at_us"},
                                                   {"feedback_sequence"},
                                                   {"notified_at_us"},
                                                   {"told_firing"},
                                                   {"notify_at_us"},
                                                   {"action_state", Type::kText},
                                                   {"action_from_us"},
                                                   {"action_until_us"},
                                                   {"action_lifted"},
                                                   {"sequence"}}};
// Of those, the first three never change.
constexpr size_t kFixedColumns = 3;

absl::Status Unreadable(int64_t number) {
  return absl::DataLossError(absl::StrCat("alert ", number, " cannot be read"));
}

sql::Value Maybe(int64_t value) {
  return value == 0 ? sql::Value::Null(Type::kInt) : sql::Value(value);
}

void Put(Json* json, const char* name, const std::optional<int64_t>& value) {
  if (value.has_value()) (*json)[name] = *value;
}

// What has no column of its own.
std::string SignalJson(const Signal& signal) {
  Json json = {{"scope", signal.scope},        {"key", signal.key},
               {"summary", signal.summary},    {"unit", signal.unit},
               {"at_us", signal.at_us},        {"dimensions", signal.dimensions},
               {"receivers", signal.receivers}};
  Put(&json, "expected", signal.expected);
  Put(&json, "actual", signal.actual);
  Put(&json, "amount", signal.amount);
  Json& contributors = json["contributors"] = Json::array();
  for (const Contributor& one : signal.contributors) {
    contributors.push_back({one.dimension, one.value, one.expected, one.actual});
  }
  if (signal.action.has_value()) {
    const bool freeze = signal.action->kind == WantedAction::Kind::kFreeze;
    json["action"] = {{"kind", freeze ? "freeze" : "throttle"},
                      {"share_permille", signal.action->share_permille},
                      {"for_us", signal.action->for_us}};
  }
  return json.dump();
}

std::optional<int64_t> MaybeOf(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end()) return std::nullopt;
  return found->get<int64_t>();
}

// Fields that are not there keep their defaults: a later version may have written fewer.
bool ReadSignal(std::string_view text, Signal* signal) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return false;
  try {
    signal->scope = json.value("scope", "");
    signal->key = json.value("key", "");
    signal->summary = json.value("summary", "");
    signal->unit = json.value("unit", "");
    signal->at_us = json.value("at_us", int64_t{0});
    signal->dimensions = json.value("dimensions", decltype(signal->dimensions)());
    signal->receivers = json.value("receivers", decltype(signal->receivers)());
    signal->expected = MaybeOf(json, "expected");
    signal->actual = MaybeOf(json, "actual");
    signal->amount = MaybeOf(json, "amount");
    for (const Json& one : json.value("contributors", Json::array())) {
      signal->contributors.push_back({one.at(0).get<std::string>(), one.at(1).get<std::string>(),
                                      one.at(2).get<int64_t>(), one.at(3).get<int64_t>()});
    }
    if (const auto action = json.find("action"); action != json.end()) {
      WantedAction& wanted = signal->action.emplace();
      wanted.kind = action->at("kind") == "freeze" ? WantedAction::Kind::kFreeze
                                                   : WantedAction::Kind::kThrottle;
      wanted.share_permille = action->value("share_permille", 0);
      wanted.for_us = action->value("for_us", int64_t{0});
    }
  } catch (const Json::exception&) {
    return false;
  }
  return true;
}

std::optional<ActionState> ParseActionState(std::string_view name) {
  for (const ActionState state :
       {ActionState::kNone, ActionState::kWanted, ActionState::kInForce, ActionState::kEnded}) {
    if (ActionStateName(state) == name) return state;
  }
  return std::nullopt;
}

Feedback ParseFeedback(std::string_view name) {
  if (name == FeedbackName(Feedback::kExpected)) return Feedback::kExpected;
  return name.empty() ? Feedback::kNone : Feedback::kNotExpected;
}

absl::StatusOr<AlertRow> RowOf(const sql::Row& row) {
  AlertRow read;
  Alert& alert = read.alert;
  sql::Bytes digest;
  std::string_view state, kind, severity, opened_severity, signal, feedback, action;
  std::optional<int64_t> resolved, acknowledged, silence, feedback_at, feedback_sequence, notified,
      notify, from, until;
  int64_t told_firing = 0, lifted = 0;
  QP_RETURN_IF_ERROR(
      row.Read(alert.number, alert.signal.org, digest, state, kind, alert.signal.rule_id, severity,
               opened_severity, signal, alert.opened_at_us, alert.recorded_at_us, alert.told_at_us,
               alert.tellings, alert.signal.hold_off_us, resolved, alert.resolved_by,
               alert.acknowledged_by, alert.acknowledge_comment, acknowledged, silence, feedback,
               alert.feedback_by, feedback_at, feedback_sequence, notified, told_firing, notify,
               action, from, until, lifted, alert.sequence));
  const auto known_state = ParseAlertState(state);
  const auto known_kind = ParseAlertKind(kind);
  const auto known_severity = ParseSeverity(severity);
  const auto known_opened = ParseSeverity(opened_severity);
  const auto known_action = ParseActionState(action);
  if (!known_state || !known_kind || !known_severity || !known_opened || !known_action ||
      !ReadSignal(signal, &alert.signal)) {
    return Unreadable(alert.number);
  }
  alert.state = *known_state;
  alert.signal.kind = *known_kind;
  alert.signal.severity = *known_severity;
  alert.opened_severity = *known_opened;
  alert.resolved_at_us = resolved.value_or(0);
  alert.acknowledged_at_us = acknowledged.value_or(0);
  alert.silence = silence.value_or(0);
  alert.feedback = ParseFeedback(feedback);
  alert.feedback_at_us = feedback_at.value_or(0);
  alert.notified_at_us = notified.value_or(0);
  alert.action.state = *known_action;
  if (alert.signal.action.has_value()) alert.action.wanted = *alert.signal.action;
  alert.action.from_us = from.value_or(0);
  alert.action.until_us = until.value_or(0);
  alert.action.lifted = lifted != 0;
  read.told_firing = told_firing != 0;
  read.notify_at_us = notify.value_or(0);
  read.feedback_sequence = feedback_sequence.value_or(0);
  return read;
}

std::array<sql::Value, kColumns.size()> ValuesOf(const AlertRow& row, std::string_view digest,
                                                 std::string_view signal) {
  const Alert& alert = row.alert;
  return {alert.number,
          alert.signal.org,
          sql::Bytes{digest},
          AlertStateName(alert.state),
          AlertKindName(alert.signal.kind),
          alert.signal.rule_id,
          SeverityName(alert.signal.severity),
          SeverityName(alert.opened_severity),
          signal,
          alert.opened_at_us,
          alert.recorded_at_us,
          alert.told_at_us,
          alert.tellings,
          alert.signal.hold_off_us,
          Maybe(alert.resolved_at_us),
          alert.resolved_by,
          alert.acknowledged_by,
          alert.acknowledge_comment,
          Maybe(alert.acknowledged_at_us),
          Maybe(alert.silence),
          FeedbackName(alert.feedback),
          alert.feedback_by,
          Maybe(alert.feedback_at_us),
          Maybe(row.feedback_sequence),
          Maybe(alert.notified_at_us),
          row.told_firing ? 1 : 0,
          Maybe(row.notify_at_us),
          ActionStateName(alert.action.state),
          Maybe(alert.action.from_us),
          Maybe(alert.action.until_us),
          alert.action.lifted ? 1 : 0,
          alert.sequence};
}

}  // namespace

Digest AlertKeyDigest(const Signal& signal) {
  FieldBuffer fields;
  return fields.Add(signal.org).Add(signal.key).digest();
}

Digest OccurrenceDigest(const Signal& signal) {
  FieldBuffer fields;
  return fields.Add(signal.org).Add(signal.key).Add(signal.occurrence).digest();
}

absl::StatusOr<AlertHead> LockAlertHead(sql::Transaction& transaction) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      transaction.Query({"lock for alerts",
                         "UPDATE alert_head SET sequence = sequence WHERE only_one = 1 RETURNING "
                         "sequence, alert, message, silence"}));
  if (rows.empty()) return absl::DataLossError("alert_head has no row");
  AlertHead head;
  QP_RETURN_IF_ERROR(rows[0].Read(head.sequence, head.alert, head.message, head.silence));
  return head;
}

absl::Status SaveAlertHead(sql::Transaction& transaction, const AlertHead& head) {
  return transaction
      .Execute({"head of alerts",
                "UPDATE alert_head SET sequence = $1, alert = $2, message = $3, silence = $4 WHERE "
                "only_one = 1"},
               {head.sequence, head.alert, head.message, head.silence})
      .status();
}

absl::StatusOr<std::vector<AlertRow>> ReadAlertRows(sql::Session& session, std::string_view rest,
                                                    absl::Span<const sql::Value> parameters) {
  std::string text = "SELECT ";
  for (const sql::Column& column : kColumns) {
    absl::StrAppend(&text, &column == kColumns.data() ? "" : ", ", AbslView(column.name));
  }
  absl::StrAppend(&text, " FROM alerts ", AbslView(rest));
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, session.Query({"alerts", text}, parameters));
  std::vector<AlertRow> read;
  read.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    QP_ASSIGN_OR_RETURN(AlertRow row, RowOf(rows[i]));
    read.push_back(std::move(row));
  }
  return read;
}

absl::Status InsertAlertRows(sql::Transaction& transaction,
                             absl::Span<const AlertRow* const> rows) {
  sql::Batch batch{"alerts", {kColumns.begin(), kColumns.end()}, {}};
  std::deque<std::string> signals;  // and digests; views of them do not move
  std::deque<Digest> digests;
  for (const AlertRow* row : rows) {
    const auto values =
        ValuesOf(*row, digests.emplace_back(AlertKeyDigest(row->alert.signal)).view(),
                 signals.emplace_back(SignalJson(row->alert.signal)));
    batch.values.insert(batch.values.end(), values.begin(), values.end());
  }
  return transaction.InsertMany(batch).status();
}

absl::Status UpdateAlertRow(sql::Transaction& transaction, const AlertRow& row) {
  std::string text = "UPDATE alerts SET ";
  for (size_t i = kFixedColumns; i < kColumns.size(); ++i) {
    absl::StrAppend(&text, i == kFixedColumns ? "" : ", ", AbslView(kColumns[i].name), " = $",
                    i - kFixedColumns + 2);
  }
  absl::StrAppend(&text, " WHERE number = $1");
  const std::string signal = SignalJson(row.alert.signal);
  const auto values = ValuesOf(row, "", signal);
  std::vector<sql::Value> parameters = {row.alert.number};
  parameters.insert(parameters.end(), values.begin() + kFixedColumns, values.end());
  return transaction.Execute({"update alert", text}, parameters).status();
}

std::string InList(absl::Span<const sql::Value> values, std::vector<sql::Value>* parameters) {
  size_t size = 1;
  while (size < values.size()) size *= 8;
  std::string list = "(";
  for (size_t i = 0; i < size; ++i) {
    parameters->push_back(values[std::min(i, values.size() - 1)]);
    absl::StrAppend(&list, i == 0 ? "$" : ", $", parameters->size());
  }
  return list + ")";
}

}  // namespace quotaplane
