// grpc.health.v1.Health: whether the server serves, for load balancers and supervisors.
#pragma once

#include <string>
#include <vector>

#include "services/rpc/stream_call.h"

namespace quotaplane {

// SERVING until the server drains, NOT_SERVING from then on, for the server as a whole ("") and for
// each of `services`. Of another service, Check answers NOT_FOUND and Watch SERVICE_UNKNOWN. Watch
// stays open until the server drains: its last message says so, and it ends.
void ServeHealth(const std::vector<std::string>& services, StreamCalls* calls);

}  // namespace quotaplane
