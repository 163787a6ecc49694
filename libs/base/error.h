// Errors that a caller can act on: an absl::Status that also carries a stable reason, or the field
// that broke a rule.
//
// The parts travel as status payloads, so that every layer passes on plain absl::Status; libs/rpc
// turns them into google.rpc details.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace quotaplane {

// `reason` is UPPER_SNAKE and listed in quota.proto or reports.proto (proto/quotaplane/v1).
absl::Status ReasonedError(absl::StatusCode code, std::string_view reason, std::string_view message,
                           const std::map<std::string, std::string>& metadata = {});
std::optional<std::string> ReasonOf(const absl::Status& status);
std::map<std::string, std::string> MetadataOf(const absl::Status& status);

struct FieldViolation {
  std::string field;        // "subject.org", "attempts[1].usage.meters[\"output\"]"
  std::string description;  // the rule, and what broke it
};
// INVALID_ARGUMENT; the message lists every violation. Not empty.
absl::Status FieldError(const std::vector<FieldViolation>& violations);
std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status);

// Whether the store did not answer in time: the step may or may not have happened.
bool IsStoreAway(const absl::Status& status);

}  // namespace quotaplane
