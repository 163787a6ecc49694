// What must hold of a policy's alert rules beyond their types.
#pragma once

#include <string>
#include <string_view>

#include "libs/policy/policy.h"
#include "libs/policy/problems.h"

namespace quotaplane {

inline constexpr int64_t kMinAlertActionUs = int64_t{60} * 1'000'000;
// Of the globs with `*` or `?` in the `limits` of all rules: each is tried on every limit's id.
inline constexpr size_t kMaxAlertLimitGlobs = 1'000;

// As the receivers file names them: [a-z0-9][a-z0-9_-]{0,62}.
bool IsReceiverName(std::string_view name);

// Why a rule on `on` cannot have this key: "is for threshold and forecast rules only; remove it".
// Empty where it can: every rule has id, on, when, severity, receivers, hold_off and action.
std::string NotOfRule(std::string_view key, AlertOn on);

// Files every problem with document.alerts. Of what concerns more than one rule: ids are unique,
// each glob of `limits` fits a limit of the document, and no rule is never reached since an earlier
// one takes all that it would (what globs overlap otherwise is for the author to know). Requires a
// normal form.
void CheckAlertRules(const PolicyDocument& document, Problems* problems);

}  // namespace quotaplane
