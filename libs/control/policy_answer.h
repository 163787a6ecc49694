// What a policy's changes leave behind of themselves: the answer for a repetition, and what an
// auditor reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/control/policy_version.h"
#include "libs/policy/policy.h"

namespace quotaplane {

struct PolicyAnswer {
  PolicyVersion version;  // without its YAML
  std::string limit_id;
};
std::string EncodePolicyAnswer(const PolicyAnswer& answer);
// DATA_LOSS: not such an answer.
absl::StatusOr<PolicyAnswer> DecodePolicyAnswer(std::string_view text);

// How long a row's column may be.
inline constexpr size_t kMaxAuditPolicyBytes = 8'192;

// A version before or after a change, as a JSON object:
//   {"version": 7, "state": "active", "base_version": 6, "fingerprint": "…", "author": "…",
//    "approvals": ["…"],
//    "changes": [{"kind": "changed", "path": "limits[user-month].amount", "before": "400",
//                 "after": "500"}, …], "unlisted_changes": 12}
// With `former` and `document`: what the document changes of that one, as much as fits.
std::string AuditPolicy(const PolicyVersion& version);
// `copy_of`, if not 0, is said too.
std::string AuditPolicyChange(const PolicyVersion& version, const PolicyDocument& former,
                              const PolicyDocument& document, int64_t copy_of = 0);

}  // namespace quotaplane
