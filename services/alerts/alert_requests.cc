#include "services/alerts/alert_requests.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/alerts/alert.h"
#include "services/alerts/alert_convert.h"
#include "services/audited/request_parts.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

// The org may be empty: the deployment.
template <typename Request>
void CheckChange(const Request& request, FieldChecks* checks) {
  checks->Text(request.org(), "org", false);
  checks->Text(request.request_id(), "request_id", true);
}

void CheckAlertId(const std::string& id, FieldChecks* checks) {
  if (!ParseAlertName(id).has_value()) {
    checks->Violation("alert_id", absl::StrCat(Quoted(id), " is no alert; \"A-17\" would be one"));
  }
}

template <typename Enums>
void CheckEnums(const Enums& values, int most, const std::string& field, FieldChecks* checks) {
  if (values.size() > most) {
    return checks->Violation(
        field, absl::StrCat("has ", values.size(), "; at most ", most, " are allowed"));
  }
  for (int i = 0; i < values.size(); ++i) {
    if (values.Get(i) >= 1 && values.Get(i) <= most) continue;
    return checks->Violation(absl::StrCat(field, "[", i, "]"),
                             absl::StrCat(values.Get(i), " is not one of them"));
  }
}

void CheckMatchers(const v1::CreateSilenceRequest& request, FieldChecks* checks) {
  const auto count = static_cast<size_t>(request.matchers_size());
  if (count == 0 || count > kMaxMatchers) {
    return checks->Violation("matchers",
                             absl::StrCat("has ", count, "; there must be 1 to ", kMaxMatchers));
  }
  std::set<std::string> seen;
  for (int i = 0; i < request.matchers_size(); ++i) {
    const std::string field = absl::StrCat("matchers[", i, "]");
    const v1::AlertMatcher& matcher = request.matchers(i);
    checks->Text(matcher.name(), field + ".name", true);
    if (matcher.name().size() > kMaxDimensionNameBytes) {
      checks->Violation(field + ".name",
                        absl::StrCat("has ", matcher.name().size(), " bytes; at most ",
                                     kMaxDimensionNameBytes, " are allowed"));
    }
    if (!seen.insert(matcher.name()).second) {
      checks->Violation(field + ".name", "is there twice");
    }
    checks->Text(matcher.glob(), field + ".glob", true);
  }
}

}  // namespace

absl::Status Check(const v1::ListAlertsRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", false);
  checks.Text(request.rule_id(), "rule_id", false);
  CheckEnums(request.states(), v1::ALERT_STATE_RESOLVED, "states", &checks);
  CheckEnums(request.kinds(), v1::ALERT_KIND_OPERATIONS, "kinds", &checks);
  if (request.has_since()) TimeOf(true, request.since(), "since", &checks);
  PageOf(request, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::GetAlertRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", false);
  CheckAlertId(request.alert_id(), &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::WatchAlertsRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", false);
  CheckAtLeast(request.after_sequence(), 0, "after_sequence", &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::ChangeAlertRequest& request) {
  FieldChecks checks;
  CheckChange(request, &checks);
  CheckAlertId(request.alert_id(), &checks);
  CheckReason(request.comment(), "comment", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::GiveFeedbackRequest& request) {
  FieldChecks checks;
  CheckChange(request, &checks);
  CheckAlertId(request.alert_id(), &checks);
  CheckReason(request.comment(), "comment", false, &checks);
  if (request.feedback() != v1::ALERT_FEEDBACK_EXPECTED &&
      request.feedback() != v1::ALERT_FEEDBACK_NOT_EXPECTED) {
    checks.Violation("feedback", "must be EXPECTED or NOT_EXPECTED");
  }
  return checks.ToStatus();
}

absl::Status Check(const v1::CreateSilenceRequest& request) {
  FieldChecks checks;
  CheckChange(request, &checks);
  CheckMatchers(request, &checks);
  TimeOf(request.has_end_time(), request.end_time(), "end_time", &checks);
  CheckReason(request.reason(), "reason", true, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::EndSilenceRequest& request) {
  FieldChecks checks;
  CheckChange(request, &checks);
  if (!ParseSilenceName(request.silence_id()).has_value()) {
    checks.Violation("silence_id", absl::StrCat(Quoted(request.silence_id()),
                                                " is no silence; \"S-3\" would be one"));
  }
  return checks.ToStatus();
}

absl::Status Check(const v1::ListSilencesRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", false);
  PageOf(request, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::ListDeliveriesRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", false);
  CheckEnums(request.states(), v1::DELIVERY_STATE_DEAD, "states", &checks);
  PageOf(request, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::SendAgainRequest& request) {
  FieldChecks checks;
  CheckChange(request, &checks);
  CheckAtLeast(request.delivery_id(), 1, "delivery_id", &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::TestDeliveryRequest& request) {
  FieldChecks checks;
  checks.Text(request.request_id(), "request_id", true);
  checks.Text(request.receiver(), "receiver", true);
  return checks.ToStatus();
}

}  // namespace quotaplane
