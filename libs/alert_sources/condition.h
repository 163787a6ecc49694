// What may be wrong with the deployment itself, and the alerts about it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/alerts/signal.h"

namespace quotaplane {

// Something that is the case now, as whoever looked after it says. Its name and where it is make it
// one condition: as long as it is told, it lasts.
struct OperationsCondition {
  // "backlog", "drift", "store-away", "spool", "policy-file", "certificate", "replica",
  // "deliveries" …: [a-z-]+.
  std::string name;
  std::string where;  // which replica, which file; empty: the deployment as a whole
  Severity severity = Severity::kWarning;
  std::string summary;  // for people
  // How often it came to be so far, of what is only counted: it lasts as long as that rises.
  std::optional<int64_t> count = {};
  // It is what the one process sees that `where` names: nobody else can say that it is over.
  bool of_process = false;

  friend bool operator==(const OperationsCondition&, const OperationsCondition&) = default;
};

// For replicas' reports, both ways: one line for each, at most `bytes` (those that do not fit are
// left out). `where` is not part of it: whoever reads it knows. What cannot be read is left out.
std::string EncodeConditions(const std::vector<OperationsCondition>& conditions, size_t bytes);
std::vector<OperationsCondition> DecodeConditions(std::string_view text, const std::string& where);

// The condition has been there since `since_us`, which names the telling.
Signal ConditionBegins(const OperationsCondition& condition, int64_t since_us);
Signal ConditionEnds(const OperationsCondition& condition, int64_t since_us, int64_t now_us);

}  // namespace quotaplane
