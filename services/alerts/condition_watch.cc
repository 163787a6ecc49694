#include "services/alerts/condition_watch.h"

#include <algorithm>
#include <utility>

#include "libs/base/status_macros.h"
#include "services/alerts/deployment_conditions.h"

namespace quotaplane {
namespace {

constexpr ConditionTimes kTimes = {.begin_after_us = 10'000'000, .end_after_us = 30'000'000};
constexpr int64_t kAdoptEveryUs = 60'000'000;

std::string DimensionOf(const Signal& signal, std::string_view name) {
  for (const auto& [dimension, value] : signal.dimensions) {
    if (dimension == name) return value;
  }
  return "";
}

}  // namespace

ConditionWatch::ConditionWatch(std::string owner) : owner_(std::move(owner)), tracker_(kTimes) {}

absl::StatusOr<std::vector<Signal>> ConditionWatch::Look(
    const AlertStore& alerts, sql::Session& session,
    const std::vector<OperationsCondition>& present, int64_t now_us) {
  // Not while this process cannot look: what it does not see may well be there.
  if (now_us >= adopt_at_us_ && SawStore(present)) {
    QP_RETURN_IF_ERROR(Adopt(alerts, session, now_us));
    if (!adopted_) QP_RETURN_IF_ERROR(Remember(alerts, session));
    adopted_ = true;
    adopt_at_us_ = now_us + kAdoptEveryUs;
  }
  return tracker_.Look(present, now_us);
}

absl::Status ConditionWatch::Adopt(const AlertStore& alerts, sql::Session& session,
                                   int64_t now_us) {
  AlertFilter open;
  open.org = "";
  open.states = {AlertState::kFiring, AlertState::kAcknowledged, AlertState::kSilenced};
  open.kinds = {AlertKind::kOperations};
  QP_ASSIGN_OR_RETURN(const std::vector<Alert> found,
                      alerts.List(session, open, 0, kMaxAlertsAtOnce));
  for (const Alert& alert : found) {
    if (MayEnd(alert, now_us)) tracker_.Adopt(alert.signal);
  }
  return absl::OkStatus();
}

absl::Status ConditionWatch::Remember(const AlertStore& alerts, sql::Session& session) {
  // Of each condition the last.
  AlertFilter counted;
  counted.org = "";
  counted.kinds = {AlertKind::kOperations};
  for (const OperationsCondition& condition : CrossingConditions({.waiting = 0, .dropped = 1})) {
    counted.rule_id = ConditionBegins(condition, 1).rule_id;
    QP_ASSIGN_OR_RETURN(const std::vector<Alert> last, alerts.List(session, counted, 0, 1));
    for (const Alert& alert : last) tracker_.Remember(alert.signal);
  }
  return absl::OkStatus();
}

bool ConditionWatch::MayEnd(const Alert& alert, int64_t now_us) const {
  if (!IsOfProcess(DimensionOf(alert.signal, "condition"))) return !adopted_;
  const bool own = DimensionOf(alert.signal, "replica") == owner_;
  return (own && !adopted_) || now_us - alert.told_at_us >= kSilentProcessUs;
}

}  // namespace quotaplane
