#include "libs/alerts/transitions.h"

#include <algorithm>

namespace quotaplane {
namespace {

// Of one that is firing.
Told TellIfDue(AlertRow* row, bool raised, int64_t now_us) {
  Alert& alert = row->alert;
  const bool held_off =
      alert.notified_at_us != 0 && now_us < alert.notified_at_us + alert.signal.hold_off_us;
  if (held_off && !raised) {
    // The last that receivers heard is that it ended.
    if (!row->told_firing) row->notify_at_us = alert.notified_at_us + alert.signal.hold_off_us;
    return std::nullopt;
  }
  const bool worse = raised && row->told_firing;
  alert.notified_at_us = now_us;
  row->told_firing = true;
  row->notify_at_us = 0;
  return worse ? NoticeEvent::kRaised : NoticeEvent::kFiring;
}

void Place(AlertRow* row, int64_t silence) {
  row->alert.state = silence != 0 ? AlertState::kSilenced : AlertState::kFiring;
  row->alert.silence = silence;
  if (silence != 0) row->notify_at_us = 0;
}

// Takes the signal's words; its severity only if that is worse. Returns whether it is.
bool Take(AlertRow* row, const Signal& signal, int64_t now_us) {
  Alert& alert = row->alert;
  const Severity before = alert.signal.severity;
  // An action that is under way stays what it is.
  const bool acts =
      alert.action.state == ActionState::kWanted || alert.action.state == ActionState::kInForce;
  const std::optional<WantedAction> action =
      acts || !signal.action.has_value() ? alert.signal.action : signal.action;
  alert.signal = signal;
  alert.signal.occurrence.clear();
  alert.signal.over = false;
  alert.signal.over_because.clear();
  alert.signal.action = action;
  alert.signal.severity = std::max(before, signal.severity);
  alert.told_at_us = now_us;
  return alert.signal.severity > before;
}

// What the signal wants done, where nothing is under way.
void Want(AlertRow* row, const Signal& signal) {
  TakenAction& action = row->alert.action;
  if (!signal.action.has_value() || row->alert.state == AlertState::kAcknowledged) return;
  if (action.state == ActionState::kWanted || action.state == ActionState::kInForce) return;
  action = {.state = ActionState::kWanted, .wanted = *signal.action};
}

void Lift(TakenAction* action, int64_t now_us) {
  if (action->state == ActionState::kInForce) action->lifted = true;
  if (action->state == ActionState::kWanted) {
    action->state = ActionState::kEnded;
    action->until_us = now_us;
  }
}

}  // namespace

Told OpenAlert(AlertRow* row, const Signal& signal, int64_t silence, int64_t now_us) {
  Alert& alert = row->alert;
  alert.signal.severity = alert.opened_severity = signal.severity;
  Take(row, signal, now_us);
  alert.opened_at_us = signal.at_us;
  alert.recorded_at_us = now_us;
  alert.tellings = 1;
  Place(row, silence);
  Want(row, signal);
  return alert.state == AlertState::kFiring ? TellIfDue(row, false, now_us) : std::nullopt;
}

Told ReopenAlert(AlertRow* row, const Signal& signal, int64_t silence, int64_t now_us) {
  Alert& alert = row->alert;
  alert.resolved_at_us = 0;
  alert.resolved_by.clear();
  alert.acknowledged_by.clear();
  alert.acknowledge_comment.clear();
  alert.acknowledged_at_us = 0;
  const bool raised = Take(row, signal, now_us);
  ++alert.tellings;
  Place(row, silence);
  Want(row, signal);
  return alert.state == AlertState::kFiring ? TellIfDue(row, raised, now_us) : std::nullopt;
}

Told TellAlert(AlertRow* row, const Signal& signal, int64_t silence, int64_t now_us) {
  Alert& alert = row->alert;
  const bool raised = Take(row, signal, now_us);
  ++alert.tellings;
  if (alert.state == AlertState::kAcknowledged && raised) {
    Place(row, silence);
    alert.acknowledged_by.clear();
    alert.acknowledge_comment.clear();
    alert.acknowledged_at_us = 0;
  }
  Want(row, signal);
  // No hold-off stands in the way of telling that once the silence ends.
  if (alert.state == AlertState::kSilenced && raised) alert.notified_at_us = 0;
  return alert.state == AlertState::kFiring ? TellIfDue(row, raised, now_us) : std::nullopt;
}

Told ResolveAlert(AlertRow* row, const std::string& by, int64_t now_us) {
  Alert& alert = row->alert;
  alert.state = AlertState::kResolved;
  alert.resolved_at_us = now_us;
  alert.resolved_by = by;
  alert.silence = 0;
  row->notify_at_us = 0;
  if (!by.empty() || alert.action.state == ActionState::kWanted) Lift(&alert.action, now_us);
  if (!row->told_firing) return std::nullopt;
  row->told_firing = false;
  return NoticeEvent::kResolved;
}

void AcknowledgeAlert(AlertRow* row, const std::string& by, const std::string& comment,
                      int64_t now_us) {
  Alert& alert = row->alert;
  alert.state = AlertState::kAcknowledged;
  alert.acknowledged_by = by;
  alert.acknowledge_comment = comment;
  alert.acknowledged_at_us = now_us;
  alert.silence = 0;
  row->notify_at_us = 0;
  if (alert.action.wanted.kind == WantedAction::Kind::kFreeze) Lift(&alert.action, now_us);
}

void SilenceAlert(AlertRow* row, int64_t silence) { Place(row, silence); }

Told FireAlert(AlertRow* row, int64_t now_us) {
  Place(row, 0);
  return TellIfDue(row, false, now_us);
}

}  // namespace quotaplane
