#include "libs/alerts/alert_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/alerts/alert_write.h"
#include "libs/alerts/silence_rows.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr size_t kMaxCommentBytes = 1024;

int64_t AtMost(size_t limit) { return static_cast<int64_t>(std::min(limit, kMaxAlertsAtOnce)); }

// $1 and $2 of a condition: any org, and which otherwise.
constexpr std::string_view kOfOrg = "($1 = 1 OR org = $2)";
int64_t AnyOrg(const std::optional<std::string>& org) { return org.has_value() ? 0 : 1; }

template <typename Enum, typename NameOf>
std::string NameList(const std::vector<Enum>& values, NameOf name_of) {
  std::string list;
  for (const Enum value : values) {
    absl::StrAppend(&list, list.empty() ? "'" : ", '", AbslView(name_of(value)), "'");
  }
  return list;
}

std::vector<Alert> AlertsOf(std::vector<AlertRow> rows) {
  std::vector<Alert> alerts;
  alerts.reserve(rows.size());
  for (AlertRow& row : rows) alerts.push_back(std::move(row.alert));
  return alerts;
}

absl::Status NotFound(std::string_view what, int64_t number) {
  return absl::NotFoundError(absl::StrCat("there is no ", AbslView(what), number));
}

absl::Status CheckAuthor(const AlertAuthor& author) {
  if (author.comment.size() <= kMaxCommentBytes) return absl::OkStatus();
  return FieldError({{"comment", absl::StrCat("must have at most ", kMaxCommentBytes, " bytes")}});
}

}  // namespace

absl::StatusOr<AlertRow> ReadAlertRow(sql::Session& session, const std::optional<std::string>& org,
                                      int64_t number) {
  QP_ASSIGN_OR_RETURN(
      std::vector<AlertRow> rows,
      ReadAlertRows(session, absl::StrCat("WHERE ", AbslView(kOfOrg), " AND number = $3"),
                    {AnyOrg(org), org.value_or(""), number}));
  if (rows.empty()) return NotFound("alert A-", number);
  return std::move(rows[0]);
}

AlertStore::AlertStore(std::function<std::shared_ptr<const Receivers>()> receivers)
    : receivers_(std::move(receivers)) {}

absl::StatusOr<Alert> AlertStore::Get(sql::Session& session, const std::optional<std::string>& org,
                                      int64_t number) const {
  QP_ASSIGN_OR_RETURN(AlertRow row, ReadAlertRow(session, org, number));
  return std::move(row.alert);
}

absl::StatusOr<std::vector<Alert>> AlertStore::List(sql::Session& session,
                                                    const AlertFilter& filter, int64_t before,
                                                    size_t limit) const {
  std::string where = absl::StrCat("WHERE ", AbslView(kOfOrg),
                                   " AND ($3 = 0 OR number < $3) AND told_at_us >= $4 AND "
                                   "($6 = '' OR rule_id = $6)");
  if (!filter.states.empty()) {
    absl::StrAppend(&where, " AND state IN (", NameList(filter.states, AlertStateName), ")");
  }
  if (!filter.kinds.empty()) {
    absl::StrAppend(&where, " AND kind IN (", NameList(filter.kinds, AlertKindName), ")");
  }
  QP_ASSIGN_OR_RETURN(std::vector<AlertRow> rows,
                      ReadAlertRows(session, absl::StrCat(where, " ORDER BY number DESC LIMIT $5"),
                                    {AnyOrg(filter.org), filter.org.value_or(""), before,
                                     filter.told_since_us, AtMost(limit), filter.rule_id}));
  return AlertsOf(std::move(rows));
}

absl::StatusOr<std::vector<Alert>> AlertStore::ChangesSince(sql::Session& session,
                                                            const std::optional<std::string>& org,
                                                            int64_t sequence, size_t limit) const {
  QP_ASSIGN_OR_RETURN(std::vector<AlertRow> rows,
                      ReadAlertRows(session,
                                    absl::StrCat("WHERE ", AbslView(kOfOrg),
                                                 " AND sequence > $3 ORDER BY sequence LIMIT $4"),
                                    {AnyOrg(org), org.value_or(""), sequence, AtMost(limit)}));
  return AlertsOf(std::move(rows));
}

absl::StatusOr<std::vector<int64_t>> AlertStore::OpenInOrder(sql::Session& session,
                                                             const std::string& org) const {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"open alerts",
                     "SELECT number FROM alerts WHERE org = $1 AND state <> 'resolved' ORDER BY "
                     "sequence"},
                    {org}));
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < rows.size(); ++i) numbers.push_back(rows[i][0].integer());
  return numbers;
}

absl::StatusOr<std::vector<Alert>> AlertStore::OpenOf(sql::Session& session, const std::string& org,
                                                      absl::Span<const int64_t> numbers) const {
  if (numbers.empty()) return std::vector<Alert>();
  std::vector<sql::Value> wanted(numbers.begin(),
                                 numbers.begin() + static_cast<int64_t>(AtMost(numbers.size())));
  std::vector<sql::Value> parameters = {org};
  const std::string list = InList(wanted, &parameters);
  QP_ASSIGN_OR_RETURN(
      std::vector<AlertRow> rows,
      ReadAlertRows(session,
                    absl::StrCat("WHERE org = $1 AND state <> 'resolved' AND number IN ", list,
                                 " ORDER BY sequence"),
                    parameters));
  return AlertsOf(std::move(rows));
}

absl::StatusOr<int64_t> AlertStore::LastSequence(sql::Session& session) const {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"sequence", "SELECT sequence FROM alert_head"}));
  if (rows.empty()) return absl::DataLossError("alert_head has no row");
  return rows[0][0].integer();
}

absl::StatusOr<std::map<std::pair<AlertState, AlertKind>, int64_t>> AlertStore::Counts(
    sql::Session& session) const {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"count alerts",
                     "SELECT state, kind, COUNT(*) FROM alerts WHERE state <> 'resolved' GROUP BY "
                     "state, kind"}));
  std::map<std::pair<AlertState, AlertKind>, int64_t> counts;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string_view state, kind;
    int64_t count = 0;
    QP_RETURN_IF_ERROR(rows[i].Read(state, kind, count));
    const auto known_state = ParseAlertState(state);
    const auto known_kind = ParseAlertKind(kind);
    if (known_state && known_kind) counts[{*known_state, *known_kind}] = count;
  }
  return counts;
}

absl::StatusOr<std::vector<Alert>> AlertStore::ToldFiring(sql::Session& session, int64_t after,
                                                          size_t limit) const {
  QP_ASSIGN_OR_RETURN(
      std::vector<AlertRow> rows,
      ReadAlertRows(session, "WHERE told_firing = 1 AND number > $1 ORDER BY number LIMIT $2",
                    {after, AtMost(limit)}));
  return AlertsOf(std::move(rows));
}

absl::StatusOr<Alert> AlertStore::Acknowledge(sql::Transaction& transaction,
                                              const std::optional<std::string>& org, int64_t number,
                                              const AlertAuthor& author, int64_t now_us) {
  QP_RETURN_IF_ERROR(CheckAuthor(author));
  QP_ASSIGN_OR_RETURN(AlertWrite write, AlertWrite::Begin(transaction));
  QP_ASSIGN_OR_RETURN(AlertRow row, ReadAlertRow(transaction, org, number));
  if (row.alert.state == AlertState::kResolved) {
    return ReasonedError(absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
                         absl::StrCat(AlertName(number), " is resolved"), {{"state", "resolved"}});
  }
  if (row.alert.state == AlertState::kAcknowledged) return std::move(row.alert);
  AcknowledgeAlert(&row, author.name, author.comment, now_us);
  QP_RETURN_IF_ERROR(write.Update(&row));
  QP_RETURN_IF_ERROR(write.Finish(*receivers_(), now_us));
  return std::move(row.alert);
}

absl::StatusOr<Alert> AlertStore::Resolve(sql::Transaction& transaction,
                                          const std::optional<std::string>& org, int64_t number,
                                          const AlertAuthor& author, int64_t now_us) {
  QP_RETURN_IF_ERROR(CheckAuthor(author));
  QP_ASSIGN_OR_RETURN(AlertWrite write, AlertWrite::Begin(transaction));
  QP_ASSIGN_OR_RETURN(AlertRow row, ReadAlertRow(transaction, org, number));
  if (row.alert.state == AlertState::kResolved) return std::move(row.alert);
  write.Tell(row, ResolveAlert(&row, author.name, now_us));
  QP_RETURN_IF_ERROR(write.Update(&row));
  QP_RETURN_IF_ERROR(write.Finish(*receivers_(), now_us));
  return std::move(row.alert);
}

absl::StatusOr<Alert> AlertStore::SetFeedback(sql::Transaction& transaction,
                                              const std::optional<std::string>& org, int64_t number,
                                              Feedback feedback, const AlertAuthor& author,
                                              int64_t now_us) {
  QP_RETURN_IF_ERROR(CheckAuthor(author));
  if (feedback == Feedback::kNone) {
    return FieldError({{"feedback", "must be expected or not_expected"}});
  }
  QP_ASSIGN_OR_RETURN(AlertWrite write, AlertWrite::Begin(transaction));
  QP_ASSIGN_OR_RETURN(AlertRow row, ReadAlertRow(transaction, org, number));
  row.alert.feedback = feedback;
  row.alert.feedback_by = author.name;
  row.alert.feedback_at_us = now_us;
  row.feedback_sequence = write.head().sequence + 1;
  QP_RETURN_IF_ERROR(write.Update(&row));
  QP_RETURN_IF_ERROR(write.Finish(*receivers_(), now_us));
  return std::move(row.alert);
}

absl::StatusOr<std::vector<std::pair<int64_t, Alert>>> AlertStore::FeedbackSince(
    sql::Session& session, int64_t sequence, size_t limit) const {
  QP_ASSIGN_OR_RETURN(
      std::vector<AlertRow> rows,
      ReadAlertRows(session,
                    "WHERE feedback_sequence IS NOT NULL AND feedback_sequence > $1 ORDER BY "
                    "feedback_sequence LIMIT $2",
                    {sequence, AtMost(limit)}));
  std::vector<std::pair<int64_t, Alert>> feedback;
  for (AlertRow& row : rows) {
    feedback.emplace_back(row.feedback_sequence, std::move(row.alert));
  }
  return feedback;
}

absl::StatusOr<Silence> AlertStore::AddSilence(sql::Transaction& transaction,
                                               const Silence& silence, int64_t now_us) {
  QP_RETURN_IF_ERROR(CheckSilence(silence, now_us));
  QP_ASSIGN_OR_RETURN(AlertWrite write, AlertWrite::Begin(transaction));
  QP_ASSIGN_OR_RETURN(const size_t held, HeldSilences(&transaction, now_us).Count(silence.org));
  if (held >= kMaxSilences) {
    return ReasonedError(absl::StatusCode::kResourceExhausted, "TOO_MANY",
                         absl::StrCat(kMaxSilences, " silences hold already"));
  }
  Silence added = silence;
  added.number = ++write.head().silence;
  added.from_us = now_us;
  added.ended_at_us = 0;
  added.ended_by.clear();
  QP_RETURN_IF_ERROR(InsertSilence(transaction, added));
  int64_t after = 0;
  for (;;) {
    QP_ASSIGN_OR_RETURN(
        std::vector<AlertRow> rows,
        ReadAlertRows(transaction,
                      "WHERE org = $1 AND state = 'firing' AND number > $2 ORDER BY number LIMIT "
                      "$3",
                      {added.org, after, AtMost(kMaxAlertsAtOnce)}));
    for (AlertRow& row : rows) {
      after = row.alert.number;
      if (!SilenceMatches(added, row.alert.signal)) continue;
      SilenceAlert(&row, added.number);
      QP_RETURN_IF_ERROR(write.Update(&row));
    }
    if (rows.size() < kMaxAlertsAtOnce) break;
  }
  QP_RETURN_IF_ERROR(write.Finish(*receivers_(), now_us));
  return added;
}

absl::StatusOr<Silence> AlertStore::EndSilence(sql::Transaction& transaction,
                                               const std::optional<std::string>& org,
                                               int64_t number, const AlertAuthor& author,
                                               int64_t now_us) {
  QP_RETURN_IF_ERROR(CheckAuthor(author));
  QP_ASSIGN_OR_RETURN(const AlertHead head, LockAlertHead(transaction));
  static_cast<void>(head);
  QP_ASSIGN_OR_RETURN(
      std::vector<Silence> silences,
      ReadSilences(transaction, absl::StrCat("WHERE ", AbslView(kOfOrg), " AND number = $3"),
                   {AnyOrg(org), org.value_or(""), number}));
  if (silences.empty()) return NotFound("silence S-", number);
  Silence& silence = silences[0];
  if (silence.ended_at_us != 0) return std::move(silence);
  silence.ended_at_us = std::min(now_us, silence.until_us);
  if (now_us < silence.until_us) silence.ended_by = author.name;
  QP_RETURN_IF_ERROR(MarkSilenceEnded(transaction, silence));
  return std::move(silence);
}

absl::StatusOr<std::vector<Silence>> AlertStore::ListSilences(sql::Session& session,
                                                              const std::optional<std::string>& org,
                                                              bool ended, int64_t before,
                                                              size_t limit) const {
  return ReadSilences(session,
                      absl::StrCat("WHERE ", AbslView(kOfOrg),
                                   " AND ($3 = 1 OR ended_at_us IS NULL) AND ($4 = 0 OR number < "
                                   "$4) ORDER BY number DESC LIMIT $5"),
                      {AnyOrg(org), org.value_or(""), ended ? 1 : 0, before, AtMost(limit)});
}

absl::StatusOr<std::vector<Alert>> AlertStore::PendingActions(sql::Session& session,
                                                              size_t limit) const {
  QP_ASSIGN_OR_RETURN(std::vector<AlertRow> rows,
                      ReadAlertRows(session,
                                    "WHERE action_state = 'wanted' AND state <> 'resolved' ORDER "
                                    "BY number LIMIT $1",
                                    {AtMost(limit)}));
  return AlertsOf(std::move(rows));
}

absl::StatusOr<std::vector<Alert>> AlertStore::ActionsToEnd(sql::Session& session, int64_t now_us,
                                                            size_t limit) const {
  QP_ASSIGN_OR_RETURN(std::vector<AlertRow> rows,
                      ReadAlertRows(session,
                                    "WHERE action_state = 'in_force' AND (action_until_us <= $1 OR "
                                    "action_lifted = 1) ORDER BY number LIMIT $2",
                                    {now_us, AtMost(limit)}));
  return AlertsOf(std::move(rows));
}

absl::StatusOr<std::vector<Alert>> AlertStore::ActionsInForce(sql::Session& session,
                                                              const std::optional<std::string>& org,
                                                              size_t limit) const {
  QP_ASSIGN_OR_RETURN(
      std::vector<AlertRow> rows,
      ReadAlertRows(session,
                    absl::StrCat("WHERE ", AbslView(kOfOrg),
                                 " AND action_state = 'in_force' ORDER BY number LIMIT $3"),
                    {AnyOrg(org), org.value_or(""), AtMost(limit)}));
  return AlertsOf(std::move(rows));
}

absl::StatusOr<Alert> AlertStore::MarkAction(sql::Transaction& transaction, int64_t number,
                                             int64_t from_us, int64_t until_us) {
  QP_ASSIGN_OR_RETURN(AlertWrite write, AlertWrite::Begin(transaction));
  QP_ASSIGN_OR_RETURN(AlertRow row, ReadAlertRow(transaction, std::nullopt, number));
  TakenAction& action = row.alert.action;
  if (action.state != ActionState::kWanted || row.alert.state == AlertState::kResolved) {
    return absl::FailedPreconditionError(
        absl::StrCat("the action of ", AlertName(number), " is not wanted any more"));
  }
  action.state = ActionState::kInForce;
  action.from_us = from_us;
  action.until_us = until_us;
  QP_RETURN_IF_ERROR(write.Update(&row));
  QP_RETURN_IF_ERROR(write.Finish(*receivers_(), from_us));
  return std::move(row.alert);
}

absl::StatusOr<Alert> AlertStore::EndAction(sql::Transaction& transaction, int64_t number,
                                            int64_t now_us) {
  QP_ASSIGN_OR_RETURN(AlertWrite write, AlertWrite::Begin(transaction));
  QP_ASSIGN_OR_RETURN(AlertRow row, ReadAlertRow(transaction, std::nullopt, number));
  TakenAction& action = row.alert.action;
  if (action.state == ActionState::kNone) {
    return absl::FailedPreconditionError(absl::StrCat(AlertName(number), " has no action"));
  }
  if (action.state == ActionState::kEnded) return std::move(row.alert);
  action.until_us =
      action.state == ActionState::kWanted ? now_us : std::min(action.until_us, now_us);
  action.state = ActionState::kEnded;
  action.lifted = false;
  QP_RETURN_IF_ERROR(write.Update(&row));
  QP_RETURN_IF_ERROR(write.Finish(*receivers_(), now_us));
  return std::move(row.alert);
}

}  // namespace quotaplane
