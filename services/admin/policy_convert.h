// policies.proto <-> policies, their versions, plans and backtests. Requests have passed their
// checks (requests.h).
#pragma once

#include <quotaplane/v1/policies.pb.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/backtest/backtest.h"
#include "libs/backtest/plan.h"
#include "libs/control/effective_limits.h"
#include "libs/control/policy_versions.h"
#include "libs/policy/policy.h"
#include "services/audited/field_rules.h"

namespace quotaplane {

void ToProto(const PolicyVersion& version, v1::PolicyVersion* proto);

// The oneof `document`; `base` is what edits are of. INVALID_ARGUMENT names the part of an edit
// that broke a rule. NOT_FOUND: an edit's limit, or override.
absl::StatusOr<PolicyInput> InputOf(const v1::CreateDraftRequest& request,
                                    const PolicyDocument& base);
absl::StatusOr<PolicyInput> InputOf(const v1::UpdateDraftRequest& request,
                                    const PolicyDocument& base);
absl::StatusOr<PolicyInput> InputOf(const v1::SetLimitRequest& request, const PolicyDocument& base);

// A subject of the org with these values: dimensions that a check has let pass.
Subject SubjectOf(const std::string& org, const NamedValues& values);
void ToProto(const EffectiveLimit& limit, v1::EffectiveLimit* proto);

// What differs, the first kMaxListedChanges of it. Returns how many are not listed.
int64_t ListChanges(const PolicyDocument& from, const PolicyDocument& to,
                    google::protobuf::RepeatedPtrField<v1::PolicyChange>* changes);

void ToProto(const PolicyPlan& plan, v1::PlanPolicyResponse* response);
void ToProto(const BacktestResult& result, v1::BacktestResult* proto);

}  // namespace quotaplane
