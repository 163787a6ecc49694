// Whether the counter store, as a whole, takes calls.
#pragma once

#include "libs/redis/client.h"

namespace quotaplane {

// Whether of every partition the node that has it would take a call now: a Cluster that lost one
// master answers some orgs and not others. Thread-safe; does not ask the store.
bool EveryPartitionAvailable(const redis::Client& client, int partitions);

}  // namespace quotaplane
