// Changes of a policy as people give them, in texts -> libs/policy/policy_edit.h.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/policy/policy.h"
#include "libs/policy/policy_edit.h"

namespace quotaplane {

// Empty texts are not given.
struct SetAmountText {
  std::string limit_id;
  std::map<std::string, std::string> scope;  // dimension to value
  std::string unit;
  std::string window;
  std::string amount;
  std::string on_outage;  // "allow" or "deny"
  std::string time_zone;

  friend bool operator==(const SetAmountText&, const SetAmountText&) = default;
};

struct RemoveOverrideText {
  std::string limit_id;
  std::map<std::string, std::string> match;
};

// One entry of a policy's `limits`. Without `defaults`, so it says itself what they would.
struct PutLimitText {
  std::string yaml;
};

using PolicyEditText = std::variant<SetAmountText, RemoveOverrideText, PutLimitText, RemoveLimit>;

inline constexpr size_t kMaxPolicyEdits = 1'000;  // of one call

// `document` says which unit a named limit counts, and which tiers there are. `field` is where the
// edit was given ("set"), and errors are FieldErrors of what is in it ("set.scope[\"team\"]",
// "set.amount"), for YAML one violation a problem; NOT_FOUND: no such limit.
absl::StatusOr<PolicyEdit> ReadPolicyEdit(const PolicyEditText& text, std::string_view org,
                                          std::string_view field, const PolicyDocument& document);

struct EditedPolicy {
  PolicyDocument document;
  std::vector<AppliedEdit> applied;  // one for each edit
};

// Makes 1 to kMaxPolicyEdits edits, each on what the ones before it left. `field` is the list's
// ("edits.edits"): "edits.edits[3].set_amount.amount". The document is in normal form, and that of
// the answer is still to be checked by Policy::Build.
absl::StatusOr<EditedPolicy> ApplyEdits(const std::vector<PolicyEditText>& edits,
                                        std::string_view org, std::string_view field,
                                        PolicyDocument document);

}  // namespace quotaplane
