// AlertStore::Advance and Expire: what time does.
#include <array>
#include <string>
#include <utility>

#include "libs/alerts/alert_store.h"
#include "libs/alerts/alert_write.h"
#include "libs/alerts/silence_rows.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr int64_t kAtOnce = 500;
// Messages have up to kSyncedAlerts items each.
constexpr int64_t kMessagesAtOnce = 50;

constexpr std::string_view kNoLongerSilenced =
    "WHERE state = 'silenced' AND silence IN (SELECT number FROM alert_silences WHERE ended_at_us "
    "IS NOT NULL) ORDER BY number LIMIT $1";
constexpr std::string_view kHeldOff =
    "WHERE notify_at_us IS NOT NULL AND notify_at_us <= $1 ORDER BY notify_at_us LIMIT $2";
constexpr std::string_view kQuiet =
    "WHERE state <> 'resolved' AND told_at_us <= $1 ORDER BY told_at_us LIMIT $2";

}  // namespace

absl::StatusOr<bool> AlertStore::AnyDue(sql::Session& session, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"due alerts",
                     "SELECT 1 FROM alert_silences WHERE ended_at_us IS NULL AND until_us <= $1 "
                     "UNION ALL SELECT 1 FROM alerts WHERE notify_at_us IS NOT NULL AND "
                     "notify_at_us <= $1 UNION ALL SELECT 1 FROM alerts WHERE state = 'silenced' "
                     "AND silence IN (SELECT number FROM alert_silences WHERE ended_at_us IS NOT "
                     "NULL) LIMIT 1"},
                    {now_us}));
  return !rows.empty();
}

namespace {

absl::StatusOr<bool> FireNoLongerSilenced(AlertWrite* write, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(std::vector<AlertRow> rows,
                      ReadAlertRows(write->transaction(), kNoLongerSilenced, {kAtOnce}));
  HeldSilences silences(&write->transaction(), now_us);
  for (AlertRow& row : rows) {
    QP_ASSIGN_OR_RETURN(const int64_t other, silences.Match(row.alert.signal));
    if (other != 0) {
      SilenceAlert(&row, other);
    } else {
      write->Tell(row, FireAlert(&row, now_us));
    }
    QP_RETURN_IF_ERROR(write->Update(&row));
  }
  return rows.size() == static_cast<size_t>(kAtOnce);
}

// `remove` has the time as $1 and how many at most as $2.
absl::StatusOr<bool> Remove(sql::Transaction& transaction, std::string_view remove,
                            int64_t before_us, int64_t at_once) {
  QP_ASSIGN_OR_RETURN(const int64_t removed,
                      transaction.Execute({"expire", remove}, {before_us, at_once}));
  return removed == at_once;
}

}  // namespace

absl::StatusOr<bool> AlertStore::Advance(sql::Transaction& transaction, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const bool due, AnyDue(transaction, now_us));
  if (!due) return false;
  QP_ASSIGN_OR_RETURN(AlertWrite write, AlertWrite::Begin(transaction));
  QP_RETURN_IF_ERROR(
      transaction
          .Execute({"silences over",
                    "UPDATE alert_silences SET ended_at_us = until_us WHERE ended_at_us IS NULL "
                    "AND until_us <= $1"},
                   {now_us})
          .status());
  QP_ASSIGN_OR_RETURN(const bool more_silenced, FireNoLongerSilenced(&write, now_us));
  QP_ASSIGN_OR_RETURN(std::vector<AlertRow> held_off,
                      ReadAlertRows(transaction, kHeldOff, {now_us, kAtOnce}));
  for (AlertRow& row : held_off) {
    write.Tell(row, FireAlert(&row, now_us));
    QP_RETURN_IF_ERROR(write.Update(&row));
  }
  QP_RETURN_IF_ERROR(write.Finish(*receivers_(), now_us));
  return more_silenced || held_off.size() == static_cast<size_t>(kAtOnce);
}

absl::StatusOr<bool> AlertStore::Expire(sql::Transaction& transaction, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(AlertWrite write, AlertWrite::Begin(transaction));
  const int64_t kept_us = now_us - kKeepAlertUs;
  QP_ASSIGN_OR_RETURN(std::vector<AlertRow> quiet,
                      ReadAlertRows(transaction, kQuiet, {kept_us, kAtOnce}));
  for (AlertRow& row : quiet) {
    write.Tell(row, ResolveAlert(&row, "", now_us));
    QP_RETURN_IF_ERROR(write.Update(&row));
  }
  QP_RETURN_IF_ERROR(write.Finish(*receivers_(), now_us));
  bool more = quiet.size() == static_cast<size_t>(kAtOnce);

  struct Kept {
    std::string_view remove;
    int64_t before_us;
    int64_t at_once;
  };
  const std::array<Kept, 4> all = {{
      {"DELETE FROM alerts WHERE number IN (SELECT number FROM alerts WHERE state = 'resolved' AND "
       "resolved_at_us <= $1 ORDER BY resolved_at_us LIMIT $2)",
       kept_us, kAtOnce},
      {"DELETE FROM alert_occurrences WHERE occurrence IN (SELECT occurrence FROM "
       "alert_occurrences WHERE at_us <= $1 ORDER BY at_us LIMIT $2)",
       now_us - kOccurrenceUs, kAtOnce},
      // Not before the alerts that it silenced fire again.
      {"DELETE FROM alert_silences WHERE number IN (SELECT number FROM alert_silences WHERE "
       "ended_at_us IS NOT NULL AND ended_at_us <= $1 AND NOT EXISTS (SELECT 1 FROM alerts WHERE "
       "alerts.state = 'silenced' AND alerts.silence = alert_silences.number) ORDER BY ended_at_us "
       "LIMIT $2)",
       kept_us, kAtOnce},
      // What was sent has no items any more.
      {"DELETE FROM alert_messages WHERE number IN (SELECT number FROM alert_messages WHERE "
       "ended_at_us IS NOT NULL AND ended_at_us <= $1 AND state = 'sent' ORDER BY ended_at_us "
       "LIMIT $2)",
       now_us - kKeepSentUs, kAtOnce},
  }};
  for (const Kept& kept : all) {
    QP_ASSIGN_OR_RETURN(const bool rest,
                        Remove(transaction, kept.remove, kept.before_us, kept.at_once));
    more = more || rest;
  }
  QP_RETURN_IF_ERROR(
      transaction
          .Execute({"expire items",
                    "DELETE FROM alert_message_items WHERE message IN (SELECT number FROM "
                    "alert_messages WHERE state = 'dead' AND ended_at_us <= $1 ORDER BY number "
                    "LIMIT $2)"},
                   {kept_us, kMessagesAtOnce})
          .status());
  QP_ASSIGN_OR_RETURN(
      const bool rest,
      Remove(transaction,
             "DELETE FROM alert_messages WHERE number IN (SELECT number FROM alert_messages WHERE "
             "state = 'dead' AND ended_at_us <= $1 ORDER BY number LIMIT $2)",
             kept_us, kMessagesAtOnce));
  return more || rest;
}

}  // namespace quotaplane
