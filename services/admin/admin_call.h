// One call of AdminService under way.
#pragma once

#include "services/admin/admin_parts.h"
#include "services/audited/audited_call.h"

namespace quotaplane {

using AdminCall = AuditedCall<AdminParts>;

}  // namespace quotaplane
