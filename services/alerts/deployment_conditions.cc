#include "services/alerts/deployment_conditions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quotaplane {
namespace {

constexpr char kStoreAway[] = "store-away";
constexpr char kReceiversFile[] = "receivers-file";
constexpr int64_t kMinuteUs = 60'000'000;

}  // namespace

std::vector<OperationsCondition> BacklogConditions(const OutboxDepth& depth) {
  std::vector<OperationsCondition> conditions;
  if (depth.oldest_age_us >= kMinuteUs) {
    conditions.push_back(
        {"backlog", "",
         depth.oldest_age_us >= 10 * kMinuteUs ? Severity::kCritical : Severity::kWarning,
         absl::StrCat("The ledger is behind: ", depth.messages,
                      " messages wait in the outbox, the oldest for ",
                      depth.oldest_age_us / kMinuteUs, " min")});
  }
  if (depth.quarantined > 0) {
    conditions.push_back({"quarantine", "", Severity::kCritical,
                          absl::StrCat(depth.quarantined,
                                       " charges could not be written into the ledger, ever, and "
                                       "were put aside")});
  }
  return conditions;
}

std::vector<OperationsCondition> CrossingConditions(const CrossingDepth& depth) {
  if (depth.dropped == 0) return {};
  OperationsCondition dropped = {
      "crossings-dropped", "", Severity::kWarning,
      absl::StrCat(depth.dropped,
                   " crossings of thresholds were dropped before they were told: too many waited")};
  dropped.count = depth.dropped;
  return {dropped};
}

std::vector<OperationsCondition> ReplicaConditions(const std::vector<ReplicaReport>& reports) {
  std::vector<OperationsCondition> conditions;
  for (const ReplicaReport& report : reports) {
    for (OperationsCondition& condition : DecodeConditions(report.conditions, report.replica)) {
      conditions.push_back(std::move(condition));
    }
    if (report.rejected > 0) {
      conditions.push_back(
          {"replica", report.replica, Severity::kWarning,
           absl::StrCat("Replica ", report.replica, " cannot use ", report.rejected,
                        " items of the control plane: is it of an older version?")});
    }
  }
  return conditions;
}

std::vector<OperationsCondition> DeliveryConditions(
    const std::map<std::string, DeliveryQueue::Depth>& depths, int64_t now_us) {
  std::vector<OperationsCondition> conditions;
  for (const auto& [receiver, depth] : depths) {
    if (depth.oldest_at_us != 0 && now_us - depth.oldest_at_us >= 10 * kMinuteUs) {
      conditions.push_back({"deliveries-waiting", receiver, Severity::kWarning,
                            absl::StrCat("Receiver ", receiver, ": ", depth.waiting,
                                         " messages wait, the oldest for ",
                                         (now_us - depth.oldest_at_us) / kMinuteUs, " min")});
    }
    if (depth.dead > 0) {
      conditions.push_back(
          {"deliveries-dead", receiver, Severity::kWarning,
           absl::StrCat("Receiver ", receiver, ": ", depth.dead,
                        " messages were given up (quotactl alert deliveries --state dead)")});
    }
  }
  return conditions;
}

std::vector<OperationsCondition> ReceiversFileConditions(std::vector<OperationsCondition> of_files,
                                                         const std::string& process) {
  for (OperationsCondition& condition : of_files) {
    condition.name = kReceiversFile;
    condition.where = process;
    condition.of_process = true;
  }
  return of_files;
}

OperationsCondition StoreAway(const absl::Status& error, const std::string& process) {
  OperationsCondition away = {
      kStoreAway, process, Severity::kCritical,
      absl::StrCat("The counter store is away, requests are answered by on_outage: ",
                   std::string(error.message()))};
  away.of_process = true;
  return away;
}

bool IsOfProcess(std::string_view condition) {
  return condition == kStoreAway || condition == kReceiversFile;
}

bool SawStore(const std::vector<OperationsCondition>& present) {
  return std::none_of(present.begin(), present.end(), [](const OperationsCondition& condition) {
    return condition.name == kStoreAway;
  });
}

}  // namespace quotaplane
