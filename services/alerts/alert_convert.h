// alerts.proto <-> libs/alerts. Requests have passed their checks (alert_requests.h).
#pragma once

#include <quotaplane/v1/alerts.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/alerts/alert.h"
#include "libs/alerts/alert_store.h"
#include "libs/alerts/delivery_queue.h"

namespace quotaplane {

std::string SilenceName(int64_t number);  // "S-3"
std::optional<int64_t> ParseSilenceName(std::string_view text);

AlertFilter FilterOf(const v1::ListAlertsRequest& request);
Silence SilenceOf(const v1::CreateSilenceRequest& request, const std::string& author);
Feedback FeedbackOf(v1::AlertFeedback feedback);

void ToProto(const Alert& alert, v1::Alert* proto);
void ToProto(const Silence& silence, v1::Silence* proto);
void ToProto(const Delivery& delivery, v1::Delivery* proto);

}  // namespace quotaplane
