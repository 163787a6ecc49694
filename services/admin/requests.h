// The validation of every request of AdminService: what can be said of a request by itself, before
// anything is read. OK, or a FieldError (libs/base/error.h) that lists every violation. What a
// check has let pass, the calls take from the message as it is.
#pragma once

#include <quotaplane/v1/admin.pb.h>

#include <string>

#include "absl/status/status.h"
#include "services/audited/field_rules.h"

namespace quotaplane {

// policy_requests.cc
absl::Status Check(const v1::CreateDraftRequest& request);
absl::Status Check(const v1::UpdateDraftRequest& request);
absl::Status Check(const v1::DiscardDraftRequest& request);
absl::Status Check(const v1::GetPolicyRequest& request);
absl::Status Check(const v1::ListPolicyVersionsRequest& request);
absl::Status Check(const v1::DiffPolicyRequest& request);
absl::Status Check(const v1::PlanPolicyRequest& request);
absl::Status Check(const v1::BacktestPolicyRequest& request);
absl::Status Check(const v1::ApprovePolicyRequest& request);
absl::Status Check(const v1::ActivatePolicyRequest& request);
absl::Status Check(const v1::RollbackPolicyRequest& request);
absl::Status Check(const v1::SetLimitRequest& request);
absl::Status Check(const v1::GetLimitRequest& request);
absl::Status Check(const v1::ListEffectiveLimitsRequest& request);

// access_requests.cc: exceptions and keys
absl::Status Check(const v1::RequestExceptionRequest& request);
absl::Status Check(const v1::DecideExceptionRequest& request);
absl::Status Check(const v1::GetExceptionRequest& request);
absl::Status Check(const v1::ListExceptionsRequest& request);
absl::Status Check(const v1::CreateKeyRequest& request);
absl::Status Check(const v1::GetKeyRequest& request);
absl::Status Check(const v1::ListKeysRequest& request);
absl::Status Check(const v1::UpdateKeyRequest& request);
absl::Status Check(const v1::RotateKeyRequest& request);
absl::Status Check(const v1::RevokeKeyRequest& request);

// state_requests.cc: price books, the whole state, the audit log, propagation
absl::Status Check(const v1::CreatePriceBookRequest& request);
absl::Status Check(const v1::GetPriceBookRequest& request);
absl::Status Check(const v1::ListPriceBooksRequest& request);
absl::Status Check(const v1::ActivatePriceBookRequest& request);
absl::Status Check(const v1::ExportStateRequest& request);
absl::Status Check(const v1::ApplyStateRequest& request);
absl::Status Check(const v1::ListAuditRequest& request);
absl::Status Check(const v1::WatchAuditRequest& request);
absl::Status Check(const v1::GetPropagationRequest& request);

// log_calls.cc
absl::Status Check(const v1::SetLogLevelRequest& request);
absl::Status Check(const v1::GetLogLevelRequest& request);

}  // namespace quotaplane
