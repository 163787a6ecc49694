// A run that goes on whatever happens does not end on a server or store that is away, either.
#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace quotaplane::loadgen {

// Who is not back by then, is not expected back.
inline constexpr absl::Duration kPatience = absl::Minutes(1);

// Other failures are no better a minute later.
inline bool IsAway(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::CANCELLED ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

// What `call` returned last: again and again while whoever it calls is away, until `end`.
template <typename Call>
grpc::Status UntilAnswered(absl::Time end, const Call& call) {
  grpc::Status status = call();
  while (IsAway(status) && absl::Now() < end) status = call();
  return status;
}

}  // namespace quotaplane::loadgen
