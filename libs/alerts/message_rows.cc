#include "libs/alerts/message_rows.h"

#include <algorithm>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "libs/alerts/alert_json.h"
#include "libs/alerts/alert_store.h"
#include "libs/base/absl_view.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

using sql::Type;

struct Group {
  const Receiver* receiver;
  std::string org;
  AlertKind kind;
};

// The last message of a group.
struct Last {
  int64_t number = 0;  // 0: there is none
  bool open = false;
  int64_t first_due_at_us = 0;
  int64_t items = 0;
};

absl::StatusOr<Last> ReadLast(sql::Transaction& transaction, const Group& group) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      transaction.Query({"last message",
                         "SELECT number, open, first_due_at_us, items FROM alert_messages WHERE "
                         "receiver = $1 AND org = $2 AND kind = $3 ORDER BY number DESC LIMIT 1"},
                        {group.receiver->name, group.org, AlertKindName(group.kind)}));
  Last last;
  if (rows.empty()) return last;
  int64_t open = 0;
  QP_RETURN_IF_ERROR(rows[0].Read(last.number, open, last.first_due_at_us, last.items));
  last.open = open != 0;
  return last;
}

// A message without notices. Nobody sees it before the transaction is through.
absl::StatusOr<Last> Begin(sql::Transaction& transaction, const Group& group, int64_t due_at_us,
                           int64_t now_us, AlertHead* head) {
  const Last last = {.number = ++head->message, .open = true, .first_due_at_us = due_at_us};
  const std::string id = absl::BytesToHexString(AbslView(RandomDigest().view()));
  QP_RETURN_IF_ERROR(
      transaction
          .Execute({"message",
                    "INSERT INTO alert_messages (number, id, receiver, org, kind, state, open, "
                    "created_at_us, first_due_at_us, due_at_us, give_up_at_us, lease, "
                    "lease_until_us, attempts, error, alerts, items) VALUES ($1, $2, $3, $4, $5, "
                    "'waiting', 1, $6, $7, $7, $8, '', 0, 0, '', 0, 0)"},
                   {last.number, id, group.receiver->name, group.org, AlertKindName(group.kind),
                    now_us, due_at_us, now_us + kGiveUpUs})
          .status());
  return last;
}

absl::Status InsertItems(sql::Transaction& transaction, const Group& group, const Last& last,
                         std::span<const Notice> notices) {
  sql::Batch batch{
      "alert_message_items",
      {{"message"}, {"position"}, {"alert"}, {"event", Type::kText}, {"body", Type::kText}},
      {}};
  std::deque<std::string> bodies;
  int64_t position = last.items;
  for (const Notice& notice : notices) {
    const Alert& alert = notice.alert;
    // A synced receiver is sent what is so when it is sent.
    bodies.push_back(group.receiver->synced() ? "" : AlertJson(alert, notice.event));
    batch.values.insert(batch.values.end(), {last.number, position++, alert.number,
                                             NoticeEventName(notice.event), bodies.back()});
  }
  return transaction.InsertMany(batch).status();
}

// As many of the notices as the open message takes: how many. None: a sender has just taken it.
absl::StatusOr<size_t> Append(sql::Transaction& transaction, const Group& group, Last* last,
                              std::span<const Notice> notices) {
  const bool synced = group.receiver->synced();
  const size_t most = synced ? kSyncedAlerts : kListedAlerts;
  const size_t room = most - std::min(most, static_cast<size_t>(last->items));
  const size_t listed = std::min(room, notices.size());
  const size_t counted = synced ? listed : notices.size();
  if (counted == 0) return size_t{0};
  QP_ASSIGN_OR_RETURN(
      const int64_t found,
      transaction.Execute(
          {"add to message",
           "UPDATE alert_messages SET alerts = alerts + $2, items = items + $3 "
           "WHERE number = $1 AND open = 1 AND state = 'waiting'"},
          {last->number, static_cast<int64_t>(counted), static_cast<int64_t>(listed)}));
  if (found == 0) return size_t{0};
  QP_RETURN_IF_ERROR(InsertItems(transaction, group, *last, notices.first(listed)));
  last->items += static_cast<int64_t>(listed);
  return counted;
}

absl::Status EnqueueGroup(sql::Transaction& transaction, const Group& group,
                          std::span<const Notice> notices, int64_t now_us, AlertHead* head) {
  QP_ASSIGN_OR_RETURN(Last last, ReadLast(transaction, group));
  while (!notices.empty()) {
    if (last.open) {
      QP_ASSIGN_OR_RETURN(const size_t taken, Append(transaction, group, &last, notices));
      notices = notices.subspan(taken);
      if (taken > 0) continue;
    }
    // What overflows a message goes with it.
    const bool full = last.open && last.items >= static_cast<int64_t>(kSyncedAlerts);
    const int64_t after_us = last.number == 0 ? now_us
                             : full           ? last.first_due_at_us
                                              : last.first_due_at_us + kGroupingUs;
    QP_ASSIGN_OR_RETURN(last, Begin(transaction, group, std::max(now_us, after_us), now_us, head));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status EnqueueNotices(sql::Transaction& transaction, const Receivers& receivers,
                            const std::vector<Notice>& notices, int64_t now_us, AlertHead* head) {
  // By receiver's name, org and kind.
  std::map<std::tuple<std::string, std::string, AlertKind>,
           std::pair<const Receiver*, std::vector<Notice>>>
      groups;
  for (const Notice& notice : notices) {
    const Signal& signal = notice.alert.signal;
    for (const Receiver* receiver : receivers.For(signal)) {
      auto& [to, told] = groups[{receiver->name, signal.org, signal.kind}];
      to = receiver;
      told.push_back(notice);
    }
  }
  for (const auto& [name, group] : groups) {
    const Group of = {group.first, std::get<1>(name), std::get<2>(name)};
    QP_RETURN_IF_ERROR(EnqueueGroup(transaction, of, group.second, now_us, head));
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
