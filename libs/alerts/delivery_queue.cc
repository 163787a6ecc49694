#include "libs/alerts/delivery_queue.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/alerts/alert_json.h"
#include "libs/alerts/alert_rows.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr std::array<std::string_view, 3> kEvents = {"firing", "raised", "resolved"};
constexpr size_t kMaxErrorBytes = 256;

NoticeEvent ParseEvent(std::string_view name) {
  const auto found = std::find(kEvents.begin(), kEvents.end(), name);
  return static_cast<NoticeEvent>(found == kEvents.end() ? 0 : found - kEvents.begin());
}

// "waiting" messages of the receiver $1 that are due at $2 and nobody's, while it is not left
// alone. Of one that failed last, just the oldest: it is tried with that, and the others gather.
constexpr absl::string_view kDue =
    "SELECT number FROM alert_messages WHERE state = 'waiting' AND receiver = $1 AND due_at_us <= "
    "$2 AND lease_until_us <= $2 AND NOT EXISTS (SELECT 1 FROM alert_receivers r WHERE r.receiver "
    "= $1 AND r.paused_until_us > $2) ORDER BY number LIMIT CASE "
    "WHEN EXISTS (SELECT 1 FROM alert_receivers f WHERE f.receiver = $1) THEN 1 ELSE $3 END";
constexpr absl::string_view kTake =
    "UPDATE alert_messages SET open = 0, lease = $4, lease_until_us = $5 WHERE number IN ";
constexpr absl::string_view kReturning =
    " RETURNING number, id, receiver, org, kind, created_at_us, alerts";

std::string TakeText(sql::Dialect dialect) {
  if (dialect == sql::Dialect::kSqlite) return absl::StrCat(kTake, "(", kDue, ")", kReturning);
  // In a plain subquery the planner may lock and skip rows more than once, past the LIMIT.
  return absl::StrCat("WITH due AS MATERIALIZED (", kDue, " FOR UPDATE SKIP LOCKED) ", kTake,
                      "(SELECT number FROM due)", kReturning);
}

absl::StatusOr<AlertMessage> MessageOf(const sql::Row& row) {
  AlertMessage message;
  std::string_view kind;
  QP_RETURN_IF_ERROR(row.Read(message.number, message.id, message.receiver, message.org, kind,
                              message.created_at_us, message.count));
  message.kind = ParseAlertKind(kind).value_or(AlertKind::kThreshold);
  return message;
}

constexpr std::array<std::string_view, 3> kStates = {"waiting", "sent", "dead"};

std::string_view StateName(DeliveryState state) { return kStates[static_cast<size_t>(state)]; }

absl::StatusOr<std::vector<int64_t>> ShownAlerts(sql::Session& session, int64_t message) {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"shown alerts",
                                     "SELECT alert FROM alert_message_items WHERE message = $1 "
                                     "ORDER BY position LIMIT $2"},
                                    {message, static_cast<int64_t>(kShownAlerts)}));
  std::vector<int64_t> alerts(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) QP_RETURN_IF_ERROR(rows[i].Read(alerts[i]));
  return alerts;
}

// Those of which `rest` is true.
absl::StatusOr<std::vector<Delivery>> ReadDeliveries(sql::Session& session, std::string_view rest,
                                                     const std::vector<sql::Value>& parameters) {
  const std::string text = absl::StrCat(
      "SELECT number, id, receiver, org, kind, state, created_at_us, "
      "COALESCE(ended_at_us, due_at_us), attempts, alerts, error FROM alert_messages "
      "WHERE ",
      AbslView(rest));
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, session.Query({"deliveries", text}, parameters));
  std::vector<Delivery> deliveries(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    Delivery& one = deliveries[i];
    std::string_view kind, state;
    QP_RETURN_IF_ERROR(rows[i].Read(one.number, one.id, one.receiver, one.org, kind, state,
                                    one.created_at_us, one.at_us, one.attempts, one.count,
                                    one.error));
    one.kind = ParseAlertKind(kind).value_or(AlertKind::kThreshold);
    const auto* const found = std::find(kStates.begin(), kStates.end(), state);
    one.state = static_cast<DeliveryState>(found == kStates.end() ? 0 : found - kStates.begin());
    QP_ASSIGN_OR_RETURN(one.alerts, ShownAlerts(session, one.number));
  }
  return deliveries;
}

absl::Status ReadItems(sql::Session& session, AlertMessage* message) {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"message items",
                                     "SELECT alert, event, body FROM alert_message_items WHERE "
                                     "message = $1 ORDER BY position"},
                                    {message->number}));
  for (size_t i = 0; i < rows.size(); ++i) {
    MessageItem item;
    std::string_view event;
    QP_RETURN_IF_ERROR(rows[i].Read(item.alert, event, item.json));
    item.event = ParseEvent(event);
    message->items.push_back(std::move(item));
  }
  return absl::OkStatus();
}

// As the alerts are now. Each once, by the last event; those that are gone are left out.
absl::Status Sync(sql::Session& session, AlertMessage* message) {
  std::map<int64_t, NoticeEvent> events;
  for (const MessageItem& item : message->items) events[item.alert] = item.event;
  message->items.clear();
  if (events.empty()) return absl::OkStatus();
  std::vector<sql::Value> numbers, parameters;
  for (const auto& [number, event] : events) numbers.emplace_back(number);
  const std::string list = InList(numbers, &parameters);
  QP_ASSIGN_OR_RETURN(
      const std::vector<AlertRow> rows,
      ReadAlertRows(session, absl::StrCat("WHERE number IN ", list, " ORDER BY number"),
                    parameters));
  for (const AlertRow& row : rows) {
    const NoticeEvent event = events[row.alert.number];
    message->items.push_back({row.alert.number, event, AlertJson(row.alert, event)});
  }
  return absl::OkStatus();
}

// A claimed message ends: 1, or 0 where it is somebody else's.
absl::StatusOr<int64_t> End(sql::Session& session, const std::string& lease, int64_t number,
                            std::string_view state, std::string_view error, int64_t now_us) {
  return session.Execute(
      {"end message",
       "UPDATE alert_messages SET state = $3, error = $4, ended_at_us = $5, attempts = attempts + "
       "1, lease = '', lease_until_us = 0 WHERE number = $1 AND lease = $2 AND state = 'waiting'"},
      {number, lease, state, error, now_us});
}

// The receiver failed once more: it is left alone.
absl::Status Pause(sql::Session& session, const std::string& receiver, int64_t wait_us,
                   double chance, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"receiver failed",
                     "INSERT INTO alert_receivers (receiver, failures, paused_until_us) VALUES "
                     "($1, 1, 0) ON CONFLICT (receiver) DO UPDATE SET failures = "
                     "alert_receivers.failures + 1 RETURNING failures"},
                    {receiver}));
  const int64_t pause_us = std::max(wait_us, RetryAfterUs(rows[0][0].integer(), chance));
  return session
      .Execute(
          {"pause receiver", "UPDATE alert_receivers SET paused_until_us = $2 WHERE receiver = $1"},
          {receiver, now_us + pause_us})
      .status();
}

}  // namespace

std::string_view NoticeEventName(NoticeEvent event) {
  return kEvents.at(static_cast<size_t>(event));
}

int64_t RetryAfterUs(int64_t failures, double chance) {
  int64_t wait_us = kFirstRetryUs;
  for (int64_t i = 1; i < failures && wait_us < kLongestRetryUs; ++i) wait_us *= 2;
  wait_us = std::min(wait_us, kLongestRetryUs);
  const int64_t half_us = wait_us / 2;
  return half_us + static_cast<int64_t>(static_cast<double>(half_us) * chance);
}

absl::StatusOr<std::vector<std::string>> DeliveryQueue::DueReceivers(
    absl::Span<const std::string> names, int64_t now_us) const {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      database_->Query(
          {"due receivers",
           "SELECT DISTINCT receiver FROM alert_messages m WHERE state = 'waiting' AND due_at_us "
           "<= $1 AND lease_until_us <= $1 AND NOT EXISTS (SELECT 1 FROM alert_receivers r WHERE "
           "r.receiver = m.receiver AND r.paused_until_us > $1) ORDER BY receiver"},
          {now_us}));
  std::vector<std::string> due;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string receiver(rows[i][0].text());
    if (std::find(names.begin(), names.end(), receiver) != names.end()) {
      due.push_back(std::move(receiver));
    }
  }
  return due;
}

absl::StatusOr<DeliveryQueue::Claim> DeliveryQueue::Take(const std::string& receiver, bool synced,
                                                         int64_t now_us, int64_t lease_us,
                                                         size_t limit) {
  Claim claim;
  claim.lease = absl::BytesToHexString(AbslView(RandomDigest().view()));
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database_->Begin());
  const int64_t most = static_cast<int64_t>(std::min(limit, kMaxMessagesAtOnce));
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      transaction->Query({"take messages", TakeText(transaction->dialect())},
                                         {receiver, now_us, most, claim.lease, now_us + lease_us}));
  for (size_t i = 0; i < rows.size(); ++i) {
    QP_ASSIGN_OR_RETURN(AlertMessage message, MessageOf(rows[i]));
    QP_RETURN_IF_ERROR(ReadItems(*transaction, &message));
    if (synced) QP_RETURN_IF_ERROR(Sync(*transaction, &message));
    claim.messages.push_back(std::move(message));
  }
  QP_RETURN_IF_ERROR(transaction->Commit());
  std::sort(claim.messages.begin(), claim.messages.end(),
            [](const AlertMessage& a, const AlertMessage& b) { return a.number < b.number; });
  return claim;
}

absl::StatusOr<bool> DeliveryQueue::MarkSent(const std::string& lease, const AlertMessage& message,
                                             int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database_->Begin());
  QP_ASSIGN_OR_RETURN(const int64_t ended,
                      End(*transaction, lease, message.number, "sent", "", now_us));
  if (ended == 0) return false;
  QP_RETURN_IF_ERROR(
      transaction
          ->Execute({"drop items",
                     "DELETE FROM alert_message_items WHERE message = $1 AND position >= $2"},
                    {message.number, static_cast<int64_t>(kShownAlerts)})
          .status());
  // Which alerts it was about is shown; what it said of them has been said.
  QP_RETURN_IF_ERROR(
      transaction
          ->Execute({"empty items", "UPDATE alert_message_items SET body = '' WHERE message = $1"},
                    {message.number})
          .status());
  QP_RETURN_IF_ERROR(
      transaction
          ->Execute({"receiver is back", "DELETE FROM alert_receivers WHERE receiver = $1"},
                    {message.receiver})
          .status());
  QP_RETURN_IF_ERROR(transaction->Commit());
  return true;
}

absl::StatusOr<bool> DeliveryQueue::MarkFailed(const std::string& lease,
                                               const AlertMessage& message, std::string_view error,
                                               int64_t wait_us, double chance, int64_t now_us) {
  const std::string why = FitText(error, kMaxErrorBytes);
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database_->Begin());
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      transaction->Query({"message failed",
                          "UPDATE alert_messages SET attempts = attempts + 1, error = $3, lease = "
                          "'', lease_until_us = 0 WHERE number = $1 AND lease = $2 AND state = "
                          "'waiting' RETURNING attempts, give_up_at_us"},
                         {message.number, lease, why}));
  if (rows.empty()) return false;
  int64_t attempts = 0, give_up_at_us = 0;
  QP_RETURN_IF_ERROR(rows[0].Read(attempts, give_up_at_us));
  const int64_t due_at_us = now_us + std::max(wait_us, RetryAfterUs(attempts, chance));
  const bool dead = now_us >= give_up_at_us;
  QP_RETURN_IF_ERROR(
      transaction
          ->Execute({"message waits",
                     "UPDATE alert_messages SET due_at_us = $2, state = $3, ended_at_us = $4 WHERE "
                     "number = $1"},
                    {message.number, due_at_us, dead ? "dead" : "waiting",
                     dead ? sql::Value(now_us) : sql::Value::Null(sql::Type::kInt)})
          .status());
  QP_RETURN_IF_ERROR(Pause(*transaction, message.receiver, wait_us, chance, now_us));
  QP_RETURN_IF_ERROR(transaction->Commit());
  return true;
}

absl::StatusOr<bool> DeliveryQueue::MarkDead(const std::string& lease, const AlertMessage& message,
                                             std::string_view error, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const int64_t ended, End(*database_, lease, message.number, "dead",
                                               FitText(error, kMaxErrorBytes), now_us));
  return ended != 0;
}

absl::Status DeliveryQueue::Release(const std::string& lease) {
  return database_
      ->Execute({"release messages",
                 "UPDATE alert_messages SET lease = '', lease_until_us = 0 WHERE lease = $1 AND "
                 "lease <> ''"},
                {lease})
      .status();
}

absl::StatusOr<int64_t> DeliveryQueue::GiveUpUnknown(absl::Span<const std::string> names,
                                                     int64_t now_us) {
  std::vector<sql::Value> known, parameters = {now_us};
  for (const std::string& name : names) known.emplace_back(name);
  if (known.empty()) known.emplace_back("");
  const std::string list = InList(known, &parameters);
  return database_->Execute(
      {"give up unknown",
       absl::StrCat("UPDATE alert_messages SET state = 'dead', open = 0, ended_at_us = $1, error = "
                    "'there is no such receiver' WHERE state = 'waiting' AND give_up_at_us <= $1 "
                    "AND lease_until_us <= $1 AND receiver NOT IN ",
                    list)},
      parameters);
}

absl::StatusOr<std::vector<Delivery>> DeliveryQueue::List(const std::optional<std::string>& org,
                                                          const std::vector<DeliveryState>& states,
                                                          int64_t before, size_t limit) const {
  std::string rest = "($1 = 1 OR org = $2) AND ($3 = 0 OR number < $3)";
  for (size_t i = 0; i < states.size(); ++i) {
    absl::StrAppend(&rest, i == 0 ? " AND state IN ('" : ", '", AbslView(StateName(states[i])),
                    i + 1 == states.size() ? "')" : "'");
  }
  return ReadDeliveries(*database_, absl::StrCat(rest, " ORDER BY number DESC LIMIT $4"),
                        {org.has_value() ? 0 : 1, org.value_or(""), before,
                         static_cast<int64_t>(std::min(limit, kMaxMessagesAtOnce))});
}

absl::StatusOr<Delivery> DeliveryQueue::SendAgain(sql::Transaction& transaction,
                                                  const std::optional<std::string>& org,
                                                  int64_t number, int64_t now_us) {
  const auto read = [&]() -> absl::StatusOr<Delivery> {
    QP_ASSIGN_OR_RETURN(std::vector<Delivery> found,
                        ReadDeliveries(transaction, "($1 = 1 OR org = $2) AND number = $3",
                                       {org.has_value() ? 0 : 1, org.value_or(""), number}));
    if (found.empty()) return absl::NotFoundError(absl::StrCat("there is no message ", number));
    return std::move(found[0]);
  };
  QP_ASSIGN_OR_RETURN(const Delivery present, read());
  if (present.state != DeliveryState::kDead) {
    return ReasonedError(absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
                         absl::StrCat("message ", number, " was not given up: it is ",
                                      AbslView(StateName(present.state))),
                         {{"state", std::string(StateName(present.state))}});
  }
  QP_RETURN_IF_ERROR(
      transaction
          .Execute({"send again",
                    "UPDATE alert_messages SET state = 'waiting', ended_at_us = NULL, "
                    "due_at_us = $2, give_up_at_us = $3, attempts = 0 WHERE number = $1"},
                   {number, now_us, now_us + kGiveUpUs})
          .status());
  return read();
}

absl::StatusOr<std::map<std::string, DeliveryQueue::Depth>> DeliveryQueue::Depths() const {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      database_->Query({"depths",
                        "SELECT receiver, state, COUNT(*), MIN(created_at_us) FROM alert_messages "
                        "WHERE state IN ('waiting', 'dead') GROUP BY receiver, state"}));
  std::map<std::string, Depth> depths;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string receiver;
    std::string_view state;
    int64_t count = 0, oldest_at_us = 0;
    QP_RETURN_IF_ERROR(rows[i].Read(receiver, state, count, oldest_at_us));
    Depth& depth = depths[receiver];
    if (state == "dead") {
      depth.dead = count;
    } else {
      depth.waiting = count;
      depth.oldest_at_us = oldest_at_us;
    }
  }
  return depths;
}

}  // namespace quotaplane
