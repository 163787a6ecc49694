// How much waits in the outbox, and how much was put aside.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/redis/client.h"

namespace quotaplane {

struct OutboxDepth {
  int64_t messages = 0;       // not yet in the ledger
  int64_t oldest_age_us = 0;  // of those, by the store's clock; 0 where there is none
  int64_t quarantined = 0;    // put aside
};

// Three short commands for each partition. Not on the client's thread.
absl::StatusOr<OutboxDepth> ReadOutboxDepth(redis::Client& client, int partitions,
                                            absl::Duration timeout);

}  // namespace quotaplane
