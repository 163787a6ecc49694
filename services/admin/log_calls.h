// What processes log: what each method does with a request that has passed its check.
#pragma once

#include <quotaplane/v1/admin.pb.h>

#include "absl/status/status.h"
#include "services/admin/admin_call.h"

namespace quotaplane {

absl::Status SetLogLevel(AdminCall& call, const v1::SetLogLevelRequest& request,
                         v1::LogSetting* response);
absl::Status GetLogLevel(AdminCall& call, const v1::GetLogLevelRequest& request,
                         v1::LogSetting* response);

}  // namespace quotaplane
