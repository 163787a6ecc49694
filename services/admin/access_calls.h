// Exceptions and keys: what each method does with a request that has passed its check.
#pragma once

#include <quotaplane/v1/admin.pb.h>

#include "absl/status/status.h"
#include "services/admin/admin_call.h"

namespace quotaplane {

absl::Status RequestException(AdminCall& call, const v1::RequestExceptionRequest& request,
                              v1::Exception* response);
absl::Status ApproveException(AdminCall& call, const v1::DecideExceptionRequest& request,
                              v1::Exception* response);
absl::Status DenyException(AdminCall& call, const v1::DecideExceptionRequest& request,
                           v1::Exception* response);
// Whoever is neither admin nor approver of the org ends their own alone: PERMISSION_DENIED,
// ROLE_MISSING.
absl::Status RevokeException(AdminCall& call, const v1::DecideExceptionRequest& request,
                             v1::Exception* response);
absl::Status GetException(AdminCall& call, const v1::GetExceptionRequest& request,
                          v1::Exception* response);
absl::Status ListExceptions(AdminCall& call, const v1::ListExceptionsRequest& request,
                            v1::ListExceptionsResponse* response);

absl::Status CreateKey(AdminCall& call, const v1::CreateKeyRequest& request,
                       v1::CreateKeyResponse* response);
absl::Status GetKey(AdminCall& call, const v1::GetKeyRequest& request, v1::Key* response);
absl::Status ListKeys(AdminCall& call, const v1::ListKeysRequest& request,
                      v1::ListKeysResponse* response);
absl::Status UpdateKey(AdminCall& call, const v1::UpdateKeyRequest& request, v1::Key* response);
absl::Status RotateKey(AdminCall& call, const v1::RotateKeyRequest& request,
                       v1::CreateKeyResponse* response);
absl::Status RevokeKey(AdminCall& call, const v1::RevokeKeyRequest& request, v1::Key* response);

}  // namespace quotaplane
