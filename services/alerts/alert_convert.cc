#include "services/alerts/alert_convert.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/policy/curbs.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

// Both count in the same order; theirs begins with UNSPECIFIED.
template <typename Theirs, typename Ours>
Theirs EnumOf(Ours ours) {
  return static_cast<Theirs>(static_cast<int>(ours) + 1);
}
static_assert(static_cast<int>(AlertKind::kOperations) + 1 == v1::ALERT_KIND_OPERATIONS);
static_assert(static_cast<int>(Severity::kCritical) + 1 == v1::ALERT_SEVERITY_CRITICAL);
static_assert(static_cast<int>(AlertState::kResolved) + 1 == v1::ALERT_STATE_RESOLVED);
static_assert(static_cast<int>(Feedback::kNotExpected) == v1::ALERT_FEEDBACK_NOT_EXPECTED);
static_assert(static_cast<int>(DeliveryState::kDead) + 1 == v1::DELIVERY_STATE_DEAD);

void SetOptionalTime(int64_t us, google::protobuf::Timestamp* (*mutable_time)(v1::Alert*),
                     v1::Alert* proto) {
  if (us != 0) SetTime(us, mutable_time(proto));
}

void ActionToProto(const TakenAction& action, v1::AlertAction* proto) {
  const bool freeze = action.wanted.kind == WantedAction::Kind::kFreeze;
  proto->set_kind(freeze ? v1::AlertAction::KIND_FREEZE : v1::AlertAction::KIND_THROTTLE);
  proto->set_share_permille(action.wanted.share_permille);
  if (action.from_us != 0) {
    SetTime(action.from_us, proto->mutable_start_time());
    SetTime(action.until_us, proto->mutable_end_time());
  }
  proto->set_ended(action.state == ActionState::kEnded);
}

void AmountsToProto(const Signal& signal, v1::Alert* proto) {
  proto->set_unit(signal.unit);
  if (signal.expected.has_value()) proto->set_expected(*signal.expected);
  if (signal.actual.has_value()) proto->set_actual(*signal.actual);
  if (signal.amount.has_value()) proto->set_amount(*signal.amount);
  for (const Contributor& contributor : signal.contributors) {
    v1::Contributor* const added = proto->add_contributors();
    added->set_dimension(contributor.dimension);
    added->set_value(contributor.value);
    added->set_expected(contributor.expected);
    added->set_actual(contributor.actual);
  }
}

}  // namespace

std::string SilenceName(int64_t number) { return absl::StrCat("S-", number); }

std::optional<int64_t> ParseSilenceName(std::string_view text) {
  if (text.substr(0, 2) == "S-" || text.substr(0, 2) == "s-") text.remove_prefix(2);
  int64_t number = 0;
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(AbslView(text), &number) || number < 1) {
    return std::nullopt;
  }
  return number;
}

AlertFilter FilterOf(const v1::ListAlertsRequest& request) {
  AlertFilter filter;
  filter.org = request.org();
  filter.rule_id = request.rule_id();
  for (const int state : request.states()) {
    filter.states.push_back(static_cast<AlertState>(state - 1));
  }
  for (const int kind : request.kinds()) filter.kinds.push_back(static_cast<AlertKind>(kind - 1));
  FieldChecks checks;
  if (request.has_since()) filter.told_since_us = TimeOf(true, request.since(), "since", &checks);
  return filter;
}

Silence SilenceOf(const v1::CreateSilenceRequest& request, const std::string& author) {
  Silence silence;
  silence.org = request.org();
  for (const v1::AlertMatcher& matcher : request.matchers()) {
    silence.matchers.push_back({matcher.name(), matcher.glob()});
  }
  FieldChecks checks;
  silence.until_us = TimeOf(true, request.end_time(), "end_time", &checks);
  silence.reason = request.reason();
  silence.author = author;
  return silence;
}

Feedback FeedbackOf(v1::AlertFeedback feedback) { return static_cast<Feedback>(feedback); }

void ToProto(const Alert& alert, v1::Alert* proto) {
  const Signal& signal = alert.signal;
  proto->set_alert_id(AlertName(alert.number));
  proto->set_org(signal.org);
  proto->set_kind(EnumOf<v1::AlertKind>(signal.kind));
  proto->set_rule_id(signal.rule_id);
  proto->set_severity(EnumOf<v1::AlertSeverity>(signal.severity));
  proto->set_state(EnumOf<v1::AlertState>(alert.state));
  proto->set_scope(signal.scope);
  for (const auto& [name, value] : signal.dimensions) (*proto->mutable_dimensions())[name] = value;
  proto->set_summary(signal.summary);
  AmountsToProto(signal, proto);
  SetTime(alert.opened_at_us, proto->mutable_first_seen_time());
  SetTime(alert.told_at_us, proto->mutable_last_seen_time());
  SetOptionalTime(
      alert.resolved_at_us, [](v1::Alert* to) { return to->mutable_resolve_time(); }, proto);
  proto->set_occurrences(alert.tellings);
  proto->set_acknowledged_by(alert.acknowledged_by);
  SetOptionalTime(
      alert.acknowledged_at_us, [](v1::Alert* to) { return to->mutable_acknowledge_time(); },
      proto);
  proto->set_comment(alert.acknowledge_comment);
  proto->set_feedback(static_cast<v1::AlertFeedback>(alert.feedback));
  proto->set_feedback_by(alert.feedback_by);
  if (alert.action.state != ActionState::kNone) {
    ActionToProto(alert.action, proto->mutable_action());
  }
  proto->set_sequence(alert.sequence);
}

void ToProto(const Silence& silence, v1::Silence* proto) {
  proto->set_org(silence.org);
  proto->set_silence_id(SilenceName(silence.number));
  for (const Matcher& matcher : silence.matchers) {
    v1::AlertMatcher* const added = proto->add_matchers();
    added->set_name(matcher.name);
    added->set_glob(matcher.pattern);
  }
  SetTime(silence.from_us, proto->mutable_start_time());
  SetTime(silence.ended_at_us != 0 ? silence.ended_at_us : silence.until_us,
          proto->mutable_end_time());
  proto->set_reason(silence.reason);
  proto->set_created_by(silence.author);
  proto->set_ended_by(silence.ended_by);
}

void ToProto(const Delivery& delivery, v1::Delivery* proto) {
  proto->set_delivery_id(delivery.number);
  proto->set_org(delivery.org);
  proto->set_receiver(delivery.receiver);
  proto->set_state(EnumOf<v1::DeliveryState>(delivery.state));
  proto->set_attempts(static_cast<int32_t>(delivery.attempts));
  SetTime(delivery.created_at_us, proto->mutable_create_time());
  SetTime(delivery.at_us, proto->mutable_time());
  proto->set_error(delivery.error);
  proto->set_alerts(static_cast<int32_t>(delivery.count));
  for (const int64_t alert : delivery.alerts) proto->add_alert_ids(AlertName(alert));
}

}  // namespace quotaplane
