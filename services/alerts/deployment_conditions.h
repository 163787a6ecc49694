// What is wrong with the deployment as the alerts role sees it: the counter store, the outbox, what
// replicas report, and the messages that do not get through.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/alert_sources/condition.h"
#include "libs/alerts/delivery_queue.h"
#include "libs/control/items.h"
#include "libs/counters/crossing.h"
#include "libs/ledger/redis/outbox_depth.h"

namespace quotaplane {

// The ledger is behind by over a minute (critical: ten), or put something aside.
std::vector<OperationsCondition> BacklogConditions(const OutboxDepth& depth);
// Crossings were dropped before anybody was told: alerts were away for long.
std::vector<OperationsCondition> CrossingConditions(const CrossingDepth& depth);
// What replicas say of themselves, and those that cannot use what the control plane sends.
std::vector<OperationsCondition> ReplicaConditions(const std::vector<ReplicaReport>& reports);
// Messages that wait for over ten minutes, or were given up, by receiver.
std::vector<OperationsCondition> DeliveryConditions(
    const std::map<std::string, DeliveryQueue::Depth>& depths, int64_t now_us);
// What only the process of that name sees: its receivers file has a version that is not in force
// (`of_files`, which says so of files), and the counter store does not answer it.
std::vector<OperationsCondition> ReceiversFileConditions(std::vector<OperationsCondition> of_files,
                                                         const std::string& process);
OperationsCondition StoreAway(const absl::Status& error, const std::string& process);
// Whether that condition is one of those.
bool IsOfProcess(std::string_view condition);
// Whether `present` says what is the case in the store, and not that it is away.
bool SawStore(const std::vector<OperationsCondition>& present);

}  // namespace quotaplane
