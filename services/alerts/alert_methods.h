// What each method of AlertService does with a request that has passed its check.
#pragma once

#include <quotaplane/v1/alerts.pb.h>

#include "absl/status/status.h"
#include "services/alerts/alert_parts.h"
#include "services/audited/audited_call.h"
#include "services/rpc/pooled_calls.h"

namespace quotaplane {

using AlertCall = AuditedCall<AlertParts>;

absl::Status ListAlerts(AlertCall& call, const v1::ListAlertsRequest& request,
                        v1::ListAlertsResponse* response);
absl::Status GetAlert(AlertCall& call, const v1::GetAlertRequest& request, v1::Alert* response);
// Until the client goes, or 10 minutes have passed.
absl::Status WatchAlerts(AlertCall& call, const v1::WatchAlertsRequest& request,
                         const SendChunk& send);
absl::Status AcknowledgeAlert(AlertCall& call, const v1::ChangeAlertRequest& request,
                              v1::Alert* response);
absl::Status ResolveAlert(AlertCall& call, const v1::ChangeAlertRequest& request,
                          v1::Alert* response);
absl::Status GiveFeedback(AlertCall& call, const v1::GiveFeedbackRequest& request,
                          v1::Alert* response);

absl::Status CreateSilence(AlertCall& call, const v1::CreateSilenceRequest& request,
                           v1::Silence* response);
absl::Status EndSilence(AlertCall& call, const v1::EndSilenceRequest& request,
                        v1::Silence* response);
absl::Status ListSilences(AlertCall& call, const v1::ListSilencesRequest& request,
                          v1::ListSilencesResponse* response);

absl::Status ListDeliveries(AlertCall& call, const v1::ListDeliveriesRequest& request,
                            v1::ListDeliveriesResponse* response);
absl::Status SendAgain(AlertCall& call, const v1::SendAgainRequest& request,
                       v1::Delivery* response);

}  // namespace quotaplane
