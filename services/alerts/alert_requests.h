// The validation of every request of AlertService: what can be said of a request by itself. OK, or
// a FieldError (libs/base/error.h) that lists every violation.
#pragma once

#include <quotaplane/v1/alerts.pb.h>

#include "absl/status/status.h"

namespace quotaplane {

absl::Status Check(const v1::ListAlertsRequest& request);
absl::Status Check(const v1::GetAlertRequest& request);
absl::Status Check(const v1::WatchAlertsRequest& request);
absl::Status Check(const v1::ChangeAlertRequest& request);
absl::Status Check(const v1::GiveFeedbackRequest& request);
absl::Status Check(const v1::CreateSilenceRequest& request);
absl::Status Check(const v1::EndSilenceRequest& request);
absl::Status Check(const v1::ListSilencesRequest& request);
absl::Status Check(const v1::ListDeliveriesRequest& request);
absl::Status Check(const v1::SendAgainRequest& request);
absl::Status Check(const v1::TestDeliveryRequest& request);

}  // namespace quotaplane
