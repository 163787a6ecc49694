#include "services/alerts/alert_actions.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"
#include "libs/policy/curbs.h"

namespace quotaplane {
namespace {

constexpr size_t kAtOnce = 100;

std::string TargetOfAlert(int64_t number) { return absl::StrCat("alert/", AlertName(number)); }

// A throttle by a limit's own crossing or forecast is of that limit alone.
std::string LimitOf(const Signal& signal) {
  for (const auto& [name, value] : signal.dimensions) {
    if (name == "limit") return value;
  }
  return "";
}

Curb CurbOf(const Alert& alert, int64_t store_now_us) {
  const WantedAction& wanted = alert.action.wanted;
  Curb curb;
  curb.alert = alert.number;
  curb.freeze = wanted.kind == WantedAction::Kind::kFreeze;
  curb.share_permille = curb.freeze ? 0 : wanted.share_permille;
  if (!curb.freeze) curb.limit_id = LimitOf(alert.signal);
  for (const auto& [name, value] : alert.signal.dimensions) {
    const absl::StatusOr<Dimension> dimension = ParseDimension(name);
    if (!dimension.ok() || dimension->kind == DimensionKind::kOrg) continue;
    curb.scope.emplace_back(*dimension, value);
  }
  curb.from_us = store_now_us;
  curb.until_us = store_now_us + wanted.for_us;
  return curb;
}

ChangeRequest RequestOf(const Alert& alert, const std::string& action, int64_t now_us) {
  ChangeRequest change;
  change.org = alert.signal.org;
  change.actor = AlertActor(alert.number);
  change.action = action;
  // What was done is not wanted any more, in the same transaction: no two have the same.
  change.request_id = absl::StrCat(change.actor, "/", action, "/", alert.sequence);
  change.request_digest = change.request_id;
  change.reason = alert.signal.summary;
  change.now_us = now_us;
  return change;
}

absl::Status PutInForce(AlertParts& parts, const Alert& alert, int64_t now_us,
                        int64_t store_now_us) {
  const Curb curb = CurbOf(alert, store_now_us);
  const ChangeRequest change = RequestOf(alert, "BeginAlertAction", now_us);
  return parts.changes
      ->Make(change, TargetOfAlert(alert.number),
             [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<ChangeRecord> {
               QP_ASSIGN_OR_RETURN(Changed<Curb> put,
                                   parts.curbs->Put({transaction, change, number}, curb));
               QP_RETURN_IF_ERROR(
                   parts.alerts->MarkAction(transaction, alert.number, curb.from_us, curb.until_us)
                       .status());
               return std::move(put.record);
             })
      .status();
}

// The curb, which may have ended by itself, and what the alert says of it.
absl::StatusOr<Changed<Curb>> EndCurb(AlertParts& parts, const OpenChange& open, int64_t number) {
  absl::StatusOr<Changed<Curb>> ended = parts.curbs->End(open, number);
  if (absl::IsNotFound(ended.status())) return Changed<Curb>();
  return ended;
}

absl::Status EndNow(AlertParts& parts, const Alert& alert, int64_t now_us) {
  const ChangeRequest change = RequestOf(alert, "EndAlertAction", now_us);
  return parts.changes
      ->Make(
          change, TargetOfAlert(alert.number),
          [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<ChangeRecord> {
            QP_ASSIGN_OR_RETURN(Changed<Curb> ended,
                                EndCurb(parts, {transaction, change, number}, alert.number));
            QP_RETURN_IF_ERROR(parts.alerts->EndAction(transaction, alert.number, now_us).status());
            ended.record.target = TargetOfAlert(alert.number);
            return std::move(ended.record);
          })
      .status();
}

}  // namespace

absl::Status EndLifted(AlertParts& parts, const OpenChange& open, Changed<Alert>* made) {
  const TakenAction& action = made->now.action;
  if (action.state != ActionState::kInForce || !action.lifted) return absl::OkStatus();
  QP_ASSIGN_OR_RETURN(Changed<Curb> ended, EndCurb(parts, open, made->now.number));
  QP_ASSIGN_OR_RETURN(
      made->now, parts.alerts->EndAction(open.transaction, made->now.number, open.request.now_us));
  for (ChangeRecord::ItemWrite& item : ended.record.items) {
    made->record.items.push_back(std::move(item));
  }
  return absl::OkStatus();
}

namespace {

// Puts it in force; what is refused for good is wanted no more until the alert is told again, so
// that it neither is tried four times a second nor stands before the actions of others. That it was
// refused is on the audit log.
absl::Status Begin(AlertParts& parts, const Alert& alert, int64_t now_us, int64_t store_now_us) {
  const absl::Status begun = PutInForce(parts, alert, now_us, store_now_us);
  // Another process was first, or a person.
  if (absl::IsFailedPrecondition(begun)) return absl::OkStatus();
  if (!absl::IsInvalidArgument(begun) && ReasonOf(begun) != "TOO_MANY") return begun;
  LogError("the action of {} is refused: {}", AlertName(alert.number), begun.ToString());
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, parts.database->Begin());
  QP_RETURN_IF_ERROR(parts.alerts->EndAction(*transaction, alert.number, now_us).status());
  return transaction->Commit();
}

}  // namespace

absl::StatusOr<bool> KeepActions(AlertParts& parts, int64_t now_us, int64_t store_now_us) {
  sql::Database& database = *parts.database;
  QP_ASSIGN_OR_RETURN(const std::vector<Alert> wanted,
                      parts.alerts->PendingActions(database, kAtOnce));
  QP_ASSIGN_OR_RETURN(const std::vector<Alert> over,
                      parts.alerts->ActionsToEnd(database, store_now_us, kAtOnce));
  // One that fails holds up no other.
  absl::Status failed;
  for (const Alert& alert : wanted) {
    failed.Update(Begin(parts, alert, now_us, store_now_us));
  }
  for (const Alert& alert : over) failed.Update(EndNow(parts, alert, now_us));
  if (!failed.ok()) return failed;
  return wanted.size() == kAtOnce || over.size() == kAtOnce;
}

}  // namespace quotaplane
