// From what somebody wants a policy to be, to the document that is stored.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/policy/policy.h"
#include "libs/policy/policy_edit.h"

namespace quotaplane {

struct PreparedPolicy {
  std::shared_ptr<const Policy> policy;
  std::string yaml;      // of the policy's document, canonical
  std::string limit_id;  // of the last edit that names one
};

// INVALID_ARGUMENT, a FieldError on "yaml" with each problem: it is no policy, or says what is of
// the deployment.
absl::StatusOr<PreparedPolicy> PrepareYaml(std::string_view yaml);
// `base` with the edits, made one after the other. INVALID_ARGUMENT, a FieldError on "edits" or
// "edits[i]". NOT_FOUND: an edit's limit, or override.
absl::StatusOr<PreparedPolicy> PrepareEdits(const PolicyDocument& base,
                                            const std::vector<PolicyEdit>& edits);
// INVALID_ARGUMENT, a FieldError on `field`, as PrepareYaml.
absl::StatusOr<PreparedPolicy> PrepareDocument(PolicyDocument document, std::string_view field);

}  // namespace quotaplane
