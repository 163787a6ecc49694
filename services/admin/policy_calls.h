// Policy versions and caps: what each method does with a request that has passed its check.
#pragma once

#include <quotaplane/v1/policies.pb.h>

#include "absl/status/status.h"
#include "services/admin/admin_call.h"
#include "services/rpc/pooled_calls.h"

namespace quotaplane {

absl::Status CreateDraft(AdminCall& call, const v1::CreateDraftRequest& request,
                         v1::PolicyVersion* response);
absl::Status UpdateDraft(AdminCall& call, const v1::UpdateDraftRequest& request,
                         v1::PolicyVersion* response);
absl::Status DiscardDraft(AdminCall& call, const v1::DiscardDraftRequest& request,
                          v1::PolicyVersion* response);
absl::Status GetPolicy(AdminCall& call, const v1::GetPolicyRequest& request,
                       v1::PolicyVersion* response);
absl::Status ListPolicyVersions(AdminCall& call, const v1::ListPolicyVersionsRequest& request,
                                v1::ListPolicyVersionsResponse* response);
absl::Status DiffPolicy(AdminCall& call, const v1::DiffPolicyRequest& request,
                        v1::DiffPolicyResponse* response);
absl::Status PlanOfPolicy(AdminCall& call, const v1::PlanPolicyRequest& request,
                          v1::PlanPolicyResponse* response);
absl::Status BacktestPolicy(AdminCall& call, const v1::BacktestPolicyRequest& request,
                            const SendChunk& send);
absl::Status ApprovePolicy(AdminCall& call, const v1::ApprovePolicyRequest& request,
                           v1::PolicyVersion* response);
absl::Status ActivatePolicy(AdminCall& call, const v1::ActivatePolicyRequest& request,
                            v1::PolicyVersion* response);
absl::Status RollbackPolicy(AdminCall& call, const v1::RollbackPolicyRequest& request,
                            v1::PolicyVersion* response);

absl::Status SetLimit(AdminCall& call, const v1::SetLimitRequest& request,
                      v1::SetLimitResponse* response);
absl::Status GetLimit(AdminCall& call, const v1::GetLimitRequest& request,
                      v1::EffectiveLimit* response);
absl::Status ListEffectiveLimits(AdminCall& call, const v1::ListEffectiveLimitsRequest& request,
                                 v1::ListEffectiveLimitsResponse* response);

}  // namespace quotaplane
