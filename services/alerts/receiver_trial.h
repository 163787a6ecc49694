// TestDelivery: a message to one receiver that says that it is a test; at most one for a request
// id.
//
// The change comes first, with an answer that says no more than that the message is on its way;
// then it is sent, without a transaction that others would wait for; then the answer becomes what
// the receiver said. So a repetition sends nothing, whichever process it comes to and whatever
// became of the one that sent.
#pragma once

#include <quotaplane/v1/alerts.pb.h>

#include <atomic>

#include "absl/status/status.h"
#include "libs/alerts/receivers.h"
#include "services/alerts/alert_methods.h"

namespace quotaplane {

// Blocks for up to ten seconds, less once `*stop` is true. NOT_FOUND: there is no such receiver. A
// repetition gets the first answer; UNAVAILABLE, reason TEST_UNDER_WAY: there is none yet. If there
// is none after half a minute, whoever sent has been stopped: the answer says that nobody knows.
absl::Status TestDelivery(AlertCall& call, const Receivers& receivers,
                          const v1::TestDeliveryRequest& request, const std::atomic<bool>* stop,
                          v1::TestDeliveryResponse* response);

}  // namespace quotaplane
