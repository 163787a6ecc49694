// Whom alerts are told, and what is kept quiet: silences and deliveries as text for people. Pure:
// `now` is passed in.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "quotaplane/v1/alerts.pb.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

// Lists are empty for no rows: what is said then depends on what was asked (next_step.h).
std::string SilencesAsText(const v1::ListSilencesResponse& response, absl::Time now,
                           const terminal::Style& style);
std::string SilenceAsText(const v1::Silence& silence, absl::Time now, const terminal::Style& style);
std::string DeliveriesAsText(const v1::ListDeliveriesResponse& response,
                             const terminal::Style& style);
std::string DeliveryAsText(const v1::Delivery& delivery, absl::Time now,
                           const terminal::Style& style);
// What a receiver did with a test message.
std::string TestAsText(const std::string& receiver, const v1::TestDeliveryResponse& response,
                       const terminal::Style& style);

}  // namespace quotaplane::quotactl
